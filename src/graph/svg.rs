//! A picture of a job: its parts in columns, each right of all that it takes pictures from.

use std::fmt::Write;

use super::{Edge, Graph, Node, Role};

/// A part's width in pixels, and that of a letter in it.
const WIDTH: usize = 230;
const LETTER: usize = 7;
/// A line's height.
const LINE: usize = 16;
/// Between columns, and between parts of one.
const GAP: [usize; 2] = [60, 24];
/// How far a way that skips a column is drawn down.
const DIP: usize = 70;
/// Around all of it, and inside of a part.
const MARGIN: usize = 20;
const PADDING: usize = 12;

/// A part in its place.
struct Card<'a> {
    node: &'a Node,
    lines: Vec<String>,
    column: usize,
    left: usize,
    top: usize,
}

impl Card<'_> {
    fn height(&self) -> usize {
        2 * PADDING + LINE * (1 + self.lines.len())
    }

    fn middle(&self) -> usize {
        self.top + self.height() / 2
    }
}

/// The picture.
pub fn drawn(graph: &Graph) -> String {
    let cards = placed(graph);
    let width = cards.iter().map(|card| card.left + WIDTH).max().unwrap_or_default() + MARGIN;
    let height = cards.iter().map(|card| card.top + card.height()).max().unwrap_or_default() + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>{}</title>\n<defs><marker id=\"end\" viewBox=\"0 0 8 8\" \
         refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" \
         fill=\"#667\"/></marker></defs>\n",
        escaped(&graph.job)
    );
    for Edge { from, to, way } in &graph.edges {
        svg += &line(&cards[*from], &cards[*to], way);
    }
    cards.iter().for_each(|card| svg += &boxed(card));
    svg + "</svg>\n"
}

/// Every part in the column after the last of those that it takes from; the dead letters below all.
fn placed(graph: &Graph) -> Vec<Card<'_>> {
    let mut cards: Vec<Card<'_>> = Vec::new();
    let mut ends = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let before = graph.edges.iter().filter(|edge| edge.to == index).map(|edge| cards[edge.from].column + 1);
        let column = before.max().unwrap_or_default();
        ends.resize(ends.len().max(column + 1), MARGIN);
        let top = match node.role {
            Role::Dead => ends.iter().copied().max().unwrap_or(MARGIN),
            _ => ends[column],
        };
        let left = MARGIN + column * (WIDTH + GAP[0]);
        let card = Card { node, lines: wrapped(&node.what), column, left, top };
        ends[column] = top + card.height() + GAP[1];
        cards.push(card);
    }
    cards
}

/// Words in lines that fit; a word that is longer than a line is cut.
fn wrapped(text: &str) -> Vec<String> {
    let most = (WIDTH - 2 * PADDING) / LETTER;
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let word: Vec<_> = word.chars().collect();
        for piece in word.chunks(most) {
            let line = lines.last_mut().expect("there is one");
            let space = usize::from(!line.is_empty());
            match line.chars().count() + space + piece.len() <= most {
                true => line.extend([' '].iter().take(space).chain(piece)),
                false => lines.push(piece.iter().collect()),
            }
        }
    }
    lines
}

/// A way between two cards. One that skips a column goes below the cards in it.
fn line(from: &Card<'_>, to: &Card<'_>, way: &str) -> String {
    let (x1, y1, x2, y2) = (from.left + WIDTH, from.middle(), to.left, to.middle());
    let bend = (x1 + x2) / 2;
    let dip = if to.column > from.column + 1 { DIP } else { 0 };
    let (left, right) = if dip > 0 { (x1 + GAP[0], x2 - GAP[0]) } else { (bend, bend) };
    let (down1, down2) = (y1 + dip, y2 + dip);
    // The middle of the curve is three quarters of the way to where it is drawn to.
    let (x, y) = (bend, (y1 + y2) / 2 + dip * 3 / 4 - LINE / 4);
    let way = match way {
        "" => String::new(),
        way => format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#667\">{way}</text>\n"),
    };
    format!(
        "<path d=\"M{x1} {y1}C{left} {down1} {right} {down2} {x2} {y2}\" fill=\"none\" stroke=\"#667\" \
         marker-end=\"url(#end)\"/>\n{way}"
    )
}

fn boxed(card: &Card<'_>) -> String {
    let Card { node, left, top, .. } = card;
    let (fill, round) = match node.role {
        Role::Source => ("#dcebff", 14),
        Role::Batch => ("#f2f2f4", 3),
        Role::Step => ("#fff3cf", 3),
        Role::View => ("#e9e2fb", 3),
        Role::Sink => ("#dff3df", 14),
        Role::Dead => ("#fbe0de", 14),
    };
    let (x, height) = (left + PADDING, card.height());
    let mut svg = format!(
        "<rect x=\"{left}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{height}\" rx=\"{round}\" fill=\"{fill}\" stroke=\"#99a\"/>\n"
    );
    let mut y = top + PADDING + LINE * 3 / 4;
    writeln!(svg, "<text x=\"{x}\" y=\"{y}\" font-weight=\"bold\">{}</text>", escaped(&node.title()))
        .expect("a string takes all");
    for line in &card.lines {
        y += LINE;
        writeln!(svg, "<text x=\"{x}\" y=\"{y}\">{}</text>", escaped(line)).expect("a string takes all");
    }
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
