//! Pictures in a terminal, by the two protocols that most of those have which can show any: kitty's and iTerm2's.

use std::env;
use std::io::{self, Cursor, Write};

use anyhow::bail;

use base64_simd::STANDARD;

use super::Rehearsed;

/// How many columns a picture takes.
const COLUMNS: usize = 40;

/// The largest piece of a picture that kitty's protocol takes at once.
const CHUNK: usize = 4096;

/// How a terminal takes pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Kitty,
    Iterm,
}

impl Protocol {
    /// What the terminal around this process can, by what it says of itself.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let (term, program) = (variable("TERM").unwrap_or_default(), variable("TERM_PROGRAM").unwrap_or_default());
        let is_kitty = variable("KITTY_WINDOW_ID").is_some() || term.contains("kitty") || program == "ghostty";
        match program.as_str() {
            _ if is_kitty => Some(Self::Kitty),
            "iTerm.app" | "WezTerm" | "mintty" | "vscode" => Some(Self::Iterm),
            _ => None,
        }
    }
}

/// Shows the picture after each step.
///
/// # Errors
/// That this terminal shows none, or does not take what is written.
pub fn show(all: &[Rehearsed]) -> anyhow::Result<()> {
    let Some(protocol) = Protocol::of(|name| env::var(name).ok()) else {
        bail!("this terminal shows no pictures, or does not say so: open the page in a browser, and leave out --show");
    };
    let mut out = io::stdout().lock();
    for scene in all.iter().flat_map(|rehearsed| &rehearsed.scenes) {
        let Some((image, _)) = &scene.image else { continue };
        writeln!(out, "\n{}  {}", scene.part, scene.id)?;
        match protocol {
            Protocol::Iterm => iterm(&mut out, image)?,
            Protocol::Kitty => kitty(&mut out, image)?,
        }
        writeln!(out)?;
    }
    Ok(())
}

fn iterm(out: &mut impl Write, image: &[u8]) -> io::Result<()> {
    let data = STANDARD.encode_to_string(image);
    write!(out, "\x1b]1337;File=inline=1;width={COLUMNS};preserveAspectRatio=1:{data}\x07")
}

/// In PNG, which is all that every such terminal reads.
fn kitty(out: &mut impl Write, image: &[u8]) -> anyhow::Result<()> {
    let mut png = Cursor::new(Vec::new());
    image::load_from_memory(image)?.write_to(&mut png, image::ImageFormat::Png)?;
    let data = STANDARD.encode_to_string(png.into_inner());
    let mut chunks = data.as_bytes().chunks(CHUNK).peekable();
    let mut head = format!("a=T,f=100,c={COLUMNS},");
    while let Some(chunk) = chunks.next() {
        let more = u8::from(chunks.peek().is_some());
        write!(out, "\x1b_G{head}m={more};")?;
        out.write_all(chunk)?;
        write!(out, "\x1b\\")?;
        head.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches pictures that are thrown at a terminal which shows letters in their place.
    #[test]
    fn only_terminals_that_say_so_are_given_pictures() {
        let of = |pairs: &[(&str, &str)]| {
            Protocol::of(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("TERM", "xterm-256color")]), None);
        assert_eq!(of(&[("TERM", "xterm-kitty")]), Some(Protocol::Kitty));
        assert_eq!(of(&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "WezTerm")]), Some(Protocol::Iterm));
    }

    /// Catches a last chunk that says that more will come: the terminal would wait for ever.
    #[test]
    fn the_last_chunk_says_so() {
        let mut bytes = Cursor::new(Vec::new());
        let noise =
            image::RgbImage::from_fn(90, 90, |x, y| image::Rgb([(x * y) as u8, (x ^ y) as u8, (x * 7 + y) as u8]));
        noise.write_to(&mut bytes, image::ImageFormat::Png).expect("it can be written");
        let mut out = Vec::new();
        kitty(&mut out, bytes.get_ref()).expect("a picture");
        let text = String::from_utf8(out).expect("escapes and base64");
        assert!(text.starts_with("\x1b_Ga=T,f=100,c=40,m=1;") && text.ends_with("\x1b\\"), "{}", &text[..40]);
        assert_eq!(text.matches("m=0;").count(), 1);
        assert!(text.rfind("m=1;") < text.rfind("m=0;"));
    }
}
