//! What the environment puts into a job file.

/// What no job may read: who may submit a job could have it written somewhere, and then be a process of the cluster.
const OWN: &str = "VIGIE_TOKEN";

/// The text with `${ENV}` and `${ENV:-default}` replaced.
pub fn expand(text: &str) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, after) =
            after.split_once('}').ok_or("`${` has no `}`: write it as `${NAME}` or `${NAME:-default}`")?;
        let (name, default) = inside.split_once(":-").map_or((inside, None), |(name, default)| (name, Some(default)));
        let sound = |char: char| char.is_ascii_alphanumeric() || char == '_';
        if name.is_empty() || !name.chars().all(sound) {
            return Err(format!("`${{{inside}}}` names no variable: write it as `${{NAME}}` or `${{NAME:-default}}`"));
        }
        // As in a shell, a default stands in for a variable that is set to nothing, too.
        if name == OWN {
            return Err(format!(
                "{OWN} is the secret of the cluster itself, and no job gets it: use a variable of its own"
            ));
        }
        let value = std::env::var(name).ok().filter(|value| default.is_none() || !value.is_empty());
        let unset =
            || format!("the variable {name} is not set: set it, or give it a default as `${{{name}:-default}}`");
        filled += before;
        filled += value.as_deref().or(default).ok_or_else(unset)?;
        rest = after;
    }
    Ok(filled + rest)
}
