//! Who may do what: tokens with a role, of which only hashes are kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problem;

/// What a token begins with, so that those who look for lost secrets know it.
const PREFIX: &str = "vigie_";

/// What a caller may do: from `view` on, each role all of the one before it, and more.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Hand in tasks and ask what became of them, and nothing else.
    Task,
    /// Look.
    #[default]
    View,
    /// Look, hand in tasks, and submit, drain and cancel jobs.
    Submit,
    /// All that, and end the cluster.
    Admin,
}

impl Role {
    /// Whether it may do what takes that role. Who may look is not to give work.
    pub fn may(self, needed: Role) -> bool {
        self >= needed && (self, needed) != (Self::View, Self::Task)
    }

    /// Its name in `cluster.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::View => "view",
            Self::Submit => "submit",
            Self::Admin => "admin",
        }
    }
}

/// A row `[[api_token]]` of `cluster.toml`; `vigie token` writes one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiToken {
    /// Whose it is, for people.
    pub name: String,
    /// What it may do: `task`, `view`, `submit` or `admin`.
    pub role: Role,
    /// The BLAKE3 hash of the token, in hex.
    pub hash: String,
}

impl ApiToken {
    /// A new random token, and its row.
    ///
    /// # Errors
    /// The machine has no random numbers.
    pub fn fresh(name: &str, role: Role) -> Result<(String, Self), getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let token = format!("{PREFIX}{}", blake3::Hash::from_bytes(secret).to_hex());
        let hash = blake3::hash(token.as_bytes()).to_hex().to_string();
        Ok((token, Self { name: name.to_owned(), role, hash }))
    }

    /// The row as it stands in `cluster.toml`.
    pub fn row(&self) -> String {
        let name = toml::Value::String(self.name.clone());
        format!("[[api_token]]\nname = {name}\nrole = \"{}\"\nhash = \"{}\"\n", self.role.as_str(), self.hash)
    }
}

/// All tokens that are known.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Vec<(blake3::Hash, Role)>);

impl Tokens {
    /// The tokens of those rows.
    ///
    /// # Errors
    /// The row whose hash is none, in words.
    pub fn new(rows: &[ApiToken]) -> Result<Self, String> {
        let read = |row: &ApiToken| {
            let wrong = |_| {
                let name = &row.name;
                format!("the hash of the api_token \"{name}\" is none: `vigie token` prints a token and its row")
            };
            blake3::Hash::from_hex(&row.hash).map(|hash| (hash, row.role)).map_err(wrong)
        };
        rows.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is none: then whoever is on this machine may do all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The role of whoever shows that token. The hashes are compared in constant time.
    fn role(&self, token: &str) -> Option<Role> {
        let shown = blake3::hash(token.as_bytes());
        self.0.iter().find(|(hash, _)| *hash == shown).map(|(_, role)| *role)
    }

    /// Lets in who shows a token (the value of `Authorization`) of at least that role.
    ///
    /// # Errors
    /// 401 for no token or an unknown one, 403 for one of a lower role.
    pub fn admit(&self, authorization: Option<&str>, needed: Role) -> Result<(), Problem> {
        let token = authorization.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| is_bearer(scheme));
        let Some((_, token)) = token else {
            let what = "a token is needed: set VIGIE_API_TOKEN, or send it as `Authorization: Bearer …`";
            return Err(Problem::unknown_caller(what));
        };
        let Some(role) = self.role(token.trim()) else {
            let what =
                "this token is unknown here: put its row into cluster.toml on each process, and start them again";
            return Err(Problem::unknown_caller(what));
        };
        match role.may(needed) {
            true => Ok(()),
            false => {
                let (role, needed) = (role.as_str(), needed.as_str());
                Err(Problem::forbidden(format!("a token of role {role} may not do this: it takes the role {needed}")))
            }
        }
    }
}

fn is_bearer(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("bearer")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a role that may too much or too little, a token that is let in by its hash, and a row that can't be read.
    #[test]
    fn each_role_may_what_it_may() {
        let fresh = |role: Role| ApiToken::fresh("it's \"me\"", role).expect("random numbers");
        let (view, row) = fresh(Role::View);
        let (submit, other) = fresh(Role::Submit);
        let (task, third) = fresh(Role::Task);
        #[derive(Deserialize)]
        struct File {
            api_token: Vec<ApiToken>,
        }
        let read: File = toml::from_str(&(row.row() + &other.row() + &third.row())).expect("three rows");
        assert_eq!(read.api_token, [row.clone(), other, third]);
        assert_eq!(row.hash, blake3::hash(view.as_bytes()).to_hex().as_str(), "any tool can make the hash of a token");
        let tokens = Tokens::new(&read.api_token).expect("sound rows");
        let status = |token: &str, needed| tokens.admit(Some(token), needed).map_err(|problem| problem.status);
        assert_eq!(status(&format!("Bearer {view}"), Role::View), Ok(()));
        assert_eq!(status(&format!("bearer {view}"), Role::Submit), Err(403));
        assert_eq!(status(&format!("Bearer {view}"), Role::Task), Err(403), "who looks gives no work");
        assert_eq!(status(&format!("Bearer {task}"), Role::Task), Ok(()));
        assert_eq!(status(&format!("Bearer {task}"), Role::View), Err(403));
        assert_eq!(status(&format!("Bearer {submit}"), Role::View), Ok(()));
        assert_eq!(status(&format!("Bearer {submit}"), Role::Task), Ok(()));
        assert_eq!(status(&format!("Bearer {submit}"), Role::Admin), Err(403));
        for stranger in [format!("Bearer {}", row.hash), format!("Basic {view}"), view.clone(), "Bearer ".into()] {
            assert_eq!(status(&stranger, Role::View), Err(401), "{stranger}");
        }
        assert_eq!(tokens.admit(None, Role::View).map_err(|problem| problem.status), Err(401));
        let wrong = Tokens::new(&[ApiToken { hash: view, ..row }]).expect_err("no hash");
        assert!(wrong.contains("vigie token"), "{wrong}");
    }
}
