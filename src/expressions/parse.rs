//! From text to a tree: the grammar of CEL, without its unsigned numbers, bytes and messages.

use std::ops::Range;

use super::lex::{Token, tokens};
use super::tree::{Binary, Kind, Literal, Node};
use super::{DEPTH, LONGEST, Wrong};

/// Reads an expression.
///
/// # Errors
/// The first thing that is wrong with how it is written, or that it is too long or too deep.
pub fn parse(text: &str) -> Result<Node, Wrong> {
    if text.len() > LONGEST {
        let what = format!("an expression has {LONGEST} bytes at most, and this one {}: shorten it", text.len());
        return Err(Wrong::new(text.floor_char_boundary(LONGEST)..text.len(), what));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, nested: 0 };
    let node = parser.expression()?;
    match parser.token() {
        Token::End => Ok(node),
        _ => Err(parser.unexpected("the end, or an operator such as `&&`")),
    }
}

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    /// How many expressions we are inside of: it bounds the parser's own stack.
    nested: usize,
}

impl Parser {
    fn token(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn span(&self) -> Range<usize> {
        self.tokens[self.at].1.clone()
    }

    /// Takes the token and answers its place; the end is never passed.
    fn advance(&mut self) -> Range<usize> {
        let span = self.span();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        span
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.token(), Token::Sign(found) if *found == sign)
    }

    /// Takes a sign if it is the next token.
    fn takes(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Wrong> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("`{sign}`"))),
        }
    }

    fn unexpected(&self, wanted: &str) -> Wrong {
        let found = match self.token() {
            Token::End => "the expression ends here".to_owned(),
            Token::Sign(sign) => format!("here is `{sign}`"),
            Token::Name(name) => format!("here is `{name}`"),
            Token::Int(_) | Token::Double(_) => "here is a number".to_owned(),
            Token::Text(_) => "here is a text".to_owned(),
        };
        Wrong::new(self.span(), format!("{found}, where {wanted} has to be"))
    }

    /// A part, unless it is nested too deep.
    fn node(&self, span: Range<usize>, kind: Kind) -> Result<Node, Wrong> {
        let node = Node::new(span, kind);
        match node.depth > DEPTH {
            true => Err(too_deep(node.span)),
            false => Ok(node),
        }
    }

    /// Whatever may stand in parentheses.
    fn expression(&mut self) -> Result<Node, Wrong> {
        self.nest(|parser| {
            let condition = parser.or()?;
            if !parser.is("?") {
                return Ok(condition);
            }
            let span = parser.advance();
            let yes = parser.or()?;
            parser.expect(":")?;
            let no = parser.expression()?;
            parser.node(span, Kind::Choice(condition.into(), yes.into(), no.into()))
        })
    }

    fn nest(&mut self, read: impl FnOnce(&mut Self) -> Result<Node, Wrong>) -> Result<Node, Wrong> {
        if self.nested >= DEPTH {
            return Err(too_deep(self.span()));
        }
        self.nested += 1;
        let node = read(self);
        self.nested -= 1;
        node
    }

    fn or(&mut self) -> Result<Node, Wrong> {
        self.chain("||", Self::and, Kind::Or)
    }

    fn and(&mut self) -> Result<Node, Wrong> {
        self.chain("&&", |parser| parser.binary(1), Kind::And)
    }

    /// Parts with the same sign between them, as one.
    fn chain(
        &mut self,
        sign: &str,
        part: fn(&mut Self) -> Result<Node, Wrong>,
        kind: fn(Vec<Node>) -> Kind,
    ) -> Result<Node, Wrong> {
        let first = part(self)?;
        let span = self.span();
        let mut parts = vec![first];
        while self.takes(sign) {
            parts.push(part(self)?);
        }
        match parts.len() {
            1 => Ok(parts.remove(0)),
            _ => self.node(span, kind(parts)),
        }
    }

    /// The operator that is next, if it binds at least so strongly.
    fn operator(&self, strength: u8) -> Option<(Binary, u8)> {
        let sign = match self.token() {
            Token::Sign(sign) => sign,
            Token::Name(name) if name == "in" => "in",
            _ => return None,
        };
        let row = Binary::ALL.into_iter().find(|(_, own, bind)| *own == sign && *bind >= strength);
        row.map(|(operator, _, bind)| (operator, bind))
    }

    fn binary(&mut self, strength: u8) -> Result<Node, Wrong> {
        let mut left = self.unary()?;
        while let Some((operator, bind)) = self.operator(strength) {
            let span = self.advance();
            let right = self.binary(bind + 1)?;
            left = self.node(span, Kind::Binary(operator, left.into(), right.into()))?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Node, Wrong> {
        let kind: fn(Box<Node>) -> Kind = match self.token() {
            Token::Sign("!") => Kind::Not,
            Token::Sign("-") => Kind::Negate,
            _ => return self.member(),
        };
        let span = self.advance();
        if let (true, Token::Int(value)) = (self.tokens[self.at - 1].0 == Token::Sign("-"), self.token().clone()) {
            return self.negative(span, value);
        }
        let inner = self.nest(Self::unary)?;
        self.node(span, kind(inner.into()))
    }

    /// The least number has no positive partner: the sign belongs to it.
    fn negative(&mut self, sign: Range<usize>, value: u64) -> Result<Node, Wrong> {
        let span = sign.start..self.advance().end;
        let value = 0_i64.checked_sub_unsigned(value).ok_or_else(|| too_large(span.clone()))?;
        let number = self.node(span, Kind::Literal(Literal::Int(value)))?;
        self.members(number)
    }

    fn member(&mut self) -> Result<Node, Wrong> {
        let primary = self.primary()?;
        self.members(primary)
    }

    /// What follows a part: fields, calls and places in lists.
    fn members(&mut self, mut node: Node) -> Result<Node, Wrong> {
        loop {
            if self.takes(".") {
                let Token::Name(name) = self.token().clone() else {
                    return Err(self.unexpected("the name of a field or a function"));
                };
                let span = self.advance();
                let kind = match self.takes("(") {
                    true => Kind::Call(name, Some(node.into()), self.list(")")?),
                    false => Kind::Field(node.into(), name),
                };
                node = self.node(span, kind)?;
            } else if self.is("[") {
                let span = self.advance();
                let index = self.expression()?;
                self.expect("]")?;
                node = self.node(span, Kind::Index(node.into(), index.into()))?;
            } else {
                return Ok(node);
            }
        }
    }

    fn primary(&mut self) -> Result<Node, Wrong> {
        let (token, span) = (self.token().clone(), self.span());
        let kind = match token {
            Token::Int(value) => {
                let value = i64::try_from(value).map_err(|_| too_large(span.clone()))?;
                Kind::Literal(Literal::Int(value))
            }
            Token::Double(value) => Kind::Literal(Literal::Double(value)),
            Token::Text(text) => Kind::Literal(Literal::Text(text.into())),
            Token::Name(name) => return self.word(name),
            Token::Sign("(") => {
                self.advance();
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Sign("[") => {
                self.advance();
                let elements = self.list("]")?;
                return self.node(span, Kind::List(elements));
            }
            Token::Sign("{") => return self.map(),
            _ => return Err(self.unexpected("a value, a name or `(`")),
        };
        self.advance();
        self.node(span, kind)
    }

    fn word(&mut self, name: String) -> Result<Node, Wrong> {
        let kind = match name.as_str() {
            "true" => Kind::Literal(Literal::Bool(true)),
            "false" => Kind::Literal(Literal::Bool(false)),
            "null" => Kind::Literal(Literal::Null),
            "in" => return Err(self.unexpected("a value, a name or `(`")),
            _ => Kind::Name(name),
        };
        let span = self.advance();
        match kind {
            Kind::Name(name) if self.takes("(") => {
                let arguments = self.list(")")?;
                self.node(span, Kind::Call(name, None, arguments))
            }
            kind => self.node(span, kind),
        }
    }

    /// Expressions with commas between them, and the sign that ends them.
    fn list(&mut self, end: &str) -> Result<Vec<Node>, Wrong> {
        let mut elements = Vec::new();
        while !self.takes(end) {
            elements.push(self.expression()?);
            if !self.takes(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(elements)
    }

    fn map(&mut self) -> Result<Node, Wrong> {
        let span = self.advance();
        let mut entries = Vec::new();
        while !self.takes("}") {
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
            if !self.takes(",") {
                self.expect("}")?;
                break;
            }
        }
        self.node(span, Kind::Map(entries))
    }
}

fn too_large(span: Range<usize>) -> Wrong {
    Wrong::new(span, "this number is too large: a whole one has 63 bits and its sign")
}

fn too_deep(span: Range<usize>) -> Wrong {
    Wrong::new(span, format!("this is nested deeper than {DEPTH} levels: make it simpler"))
}
