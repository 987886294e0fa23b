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
        assert_eq!(labels(None, 90)[12].as_ref(), "stop sign");
        assert_eq!(labels(None, 90)[89].as_ref(), "toothbrush");
        assert_eq!(labels(None, 90)[11].as_ref(), "class 11");
        assert_eq!(labels(None, 20)[14].as_ref(), "person");
        assert_eq!(labels(Some("cat"), 2)[1].as_ref(), "class 1");
    }
}
