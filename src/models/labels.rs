//! Names of classes: from a model's metadata, or COCO's where it has 80.

use std::sync::Arc;

/// The classes of COCO in the order that detectors trained on it use.
const COCO: &str = "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,\
parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,\
frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,\
wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,\
potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,\
refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush";

/// The classes of Pascal VOC in the order that detectors trained on it use.
const VOC: &str = "aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,motorbike,person,\
pottedplant,sheep,sofa,train,tvmonitor";

/// The numbers, from 1 to 90, that COCO left without a class: TensorFlow's detectors count them.
const UNUSED: [usize; 10] = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83];

/// The name of COCO's class of that number, from 0, among 90.
fn of_ninety(class: usize) -> Option<&'static str> {
    let number = class + 1;
    let before = UNUSED.iter().filter(|unused| **unused < number).count();
    COCO.split(',').nth(class - before).filter(|_| !UNUSED.contains(&number))
}

/// One name for each of `classes`: what the metadata `names` says (a list, a Python or JSON dictionary by number, or
/// names divided by commas or lines), else COCO's for 80 or 90 classes, VOC's for 20, `person` for one, and `class 0` …
/// for others.
pub fn labels(names: Option<&str>, classes: usize) -> Vec<Arc<str>> {
    let told = names.map(parse).unwrap_or_default();
    let name = |class: usize| match (told.get(class), classes) {
        (Some(name), _) if told.len() == classes => name.as_str().into(),
        (_, 80) => COCO.split(',').nth(class).unwrap_or_default().into(),
        (_, 90) => of_ninety(class).map_or_else(|| format!("class {class}").into(), Arc::from),
        (_, 20) => VOC.split(',').nth(class).unwrap_or_default().into(),
        (_, 1) => "person".into(),
        _ => format!("class {class}").into(),
    };
    (0..classes).map(name).collect()
}

/// How many names the metadata `names` says.
pub fn count(names: &str) -> usize {
    parse(names).len()
}

/// The names, whatever stands around them: brackets, quotes, and numbers in front of a colon. Where each has a number, they are in the
/// order of those: who writes a dictionary may sort its keys as texts, and "10" comes before "2" then.
fn parse(text: &str) -> Vec<String> {
    let inside = text.trim().trim_matches(['{', '}', '[', ']', '(', ')']);
    let bare = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    let numbered = |part: &str| {
        let keyed = part.split_once(':').and_then(|(key, name)| Some((bare(key).parse::<usize>().ok()?, name)));
        keyed.map_or_else(|| (None, bare(part)), |(key, name)| (Some(key), bare(name)))
    };
    let mut names: Vec<_> = inside.split([',', '\n']).map(numbered).filter(|(_, name)| !name.is_empty()).collect();
    if names.iter().all(|(key, _)| key.is_some()) {
        names.sort_by_key(|(key, _)| *key);
    }
    names.into_iter().map(|(_, name)| name).collect()
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
        let sorted_as_texts: Vec<_> = [0, 1, 10, 2, 3, 4, 5, 6, 7, 8, 9].map(|key| format!("'{key}': 'n{key}'")).into();
        let names = labels(Some(&format!("{{{}}}", sorted_as_texts.join(", "))), 11);
        assert_eq!((names[2].as_ref(), names[10].as_ref()), ("n2", "n10"));
        assert_eq!(labels(None, 80)[79].as_ref(), "toothbrush");
        assert_eq!(labels(None, 1), ["person".into()]);
        assert_eq!(labels(None, 90)[12].as_ref(), "stop sign");
        assert_eq!(labels(None, 90)[89].as_ref(), "toothbrush");
        assert_eq!(labels(None, 90)[11].as_ref(), "class 11");
        assert_eq!(labels(None, 20)[14].as_ref(), "person");
        assert_eq!(labels(Some("cat"), 2)[1].as_ref(), "class 1");
    }
}
