//! Names of classes: from a model's metadata, or COCO's where it has 80.

use std::sync::Arc;

/// The classes of COCO in the order that detectors trained on it use.
const COCO: &str = "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,\
parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,\
frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,\
wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,\
potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,\
refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush";

/// One name for each of `classes`: what the metadata `names` says (a list, a Python or JSON dictionary by number, or
/// names divided by commas or lines), else COCO's for 80 classes, `person` for one, and `class 0` … for others.
pub fn labels(names: Option<&str>, classes: usize) -> Vec<Arc<str>> {
    let told = names.map(parse).unwrap_or_default();
    let name = |class: usize| match (told.get(class), classes) {
        (Some(name), _) if told.len() == classes => name.as_str().into(),
        (_, 80) => COCO.split(',').nth(class).unwrap_or_default().into(),
        (_, 1) => "person".into(),
        _ => format!("class {class}").into(),
    };
    (0..classes).map(name).collect()
}

/// The names, whatever stands around them: brackets, quotes, and numbers in front of a colon.
fn parse(text: &str) -> Vec<String> {
    let inside = text.trim().trim_matches(['{', '}', '[', ']', '(', ')']);
    let bare = |part: &str| {
        let name = match part.split_once(':') {
            Some((key, name)) if key.trim().trim_matches(['"', '\'']).parse::<usize>().is_ok() => name,
            _ => part,
        };
        name.trim().trim_matches(['"', '\'']).to_owned()
    };
    inside.split([',', '\n']).map(bare).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a list of names that is shifted or kept with its quotes.
    #[test]
    fn names_are_read_in_every_form() {
        for text in
            ["{0: 'cat', 1: 'dog'}", r#"{"0": "cat", "1": "dog"}"#, r#"["cat", "dog"]"#, "cat,dog", "cat\ndog\n"]
        {
            assert_eq!(labels(Some(text), 2), ["cat".into(), "dog".into()], "{text}");
        }
        assert_eq!(labels(None, 80)[79].as_ref(), "toothbrush");
        assert_eq!(labels(None, 1), ["person".into()]);
        assert_eq!(labels(Some("cat"), 2)[1].as_ref(), "class 1");
    }
}
