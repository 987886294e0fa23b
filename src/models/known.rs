//! Models that people bring often, and whose files do not say all: how their pictures go in, and what their classes are.

use super::describer;
use super::form::{Fit, Form};
use super::sight::Sight;
use super::values;

/// One row: a model, or several of one training.
#[derive(Debug)]
pub struct Known {
    /// The name: what `family` says in a job.
    pub name: &'static str,
    /// Numbers a pixel, and the picture's side in pixels.
    input: (i64, u32),
    /// The classes of each output, divided by commas; nothing for a measure.
    outputs: &'static [&'static str],
    /// What stands in the file's name, its description or its outputs' names, so that shapes alone do not decide.
    signs: &'static [&'static str],
    /// How its picture goes in, out of what is plain.
    form: fn(Form) -> Form,
}

/// The mean colour of face-api.js's faces.
const FACES: [f32; 3] = [122.782, 117.001, 104.298];

/// The mean and the deviation of ImageNet's colours, where white is 1.
const IMAGENET: [[f32; 3]; 2] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];

/// The classes of CIFAR-10.
const CIFAR: &str = "airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck";

/// Every model that is known.
pub const KNOWN: &[Known] = &[
    Known {
        name: "faceapi_age_gender",
        input: (3, 112),
        outputs: &["", "man,woman"],
        signs: &["face-api", "faceapi"],
        form: |plain| Form { fit: Fit::Centre, mean: FACES, std: [256.0; 3], ..plain },
    },
    Known {
        name: "faceapi_expression",
        input: (3, 112),
        outputs: &["neutral,happy,sad,angry,fearful,disgusted,surprised"],
        signs: &["face-api", "faceapi"],
        form: |plain| Form { fit: Fit::Centre, mean: FACES, std: [255.0; 3], ..plain },
    },
    Known {
        name: "mini_xception_emotion",
        input: (1, 64),
        outputs: &["angry,disgust,fear,happy,sad,surprise,neutral"],
        signs: &["face_classification", "mini_xception"],
        form: |plain| Form { scale: 1.0 / 127.5, mean: [1.0; 3], ..plain },
    },
    Known {
        name: "mini_xception_gender",
        input: (1, 64),
        outputs: &["woman,man"],
        signs: &["face_classification", "mini_xception"],
        form: |plain| Form { scale: 1.0 / 127.5, mean: [1.0; 3], ..plain },
    },
    Known {
        name: "ferplus",
        input: (1, 64),
        outputs: &["neutral,happy,surprise,sad,angry,disgust,fear,contempt"],
        signs: &["ferplus", "plus692_output_0"],
        form: |plain| plain,
    },
    Known {
        name: "mnist",
        input: (1, 28),
        outputs: &["0,1,2,3,4,5,6,7,8,9"],
        signs: &["plus214_output_0"],
        form: |plain| plain,
    },
    Known {
        name: "visual_wake_words",
        input: (3, 96),
        outputs: &["no person,person"],
        signs: &["vww", "visual wake words"],
        form: |plain| Form { scale: 1.0 / 255.0, ..plain },
    },
    Known {
        name: "cifar10_resnet",
        input: (3, 32),
        outputs: &[CIFAR],
        signs: &["pytorch_resnet_cifar10", "cifar10_resnet"],
        form: |plain| Form { scale: 1.0 / 255.0, mean: IMAGENET[0], std: IMAGENET[1], ..plain },
    },
    Known {
        name: "mlperf_tiny_resnet8",
        input: (3, 32),
        outputs: &[CIFAR],
        signs: &["mlperf_tiny_resnet8", "mlperf tiny resnet-8"],
        form: |plain| plain,
    },
];

impl Known {
    /// Whether a model has the shapes for it.
    pub fn fits(&self, sight: &Sight<'_>) -> bool {
        let (channels, side) = self.input;
        let counts: Vec<_> = sight.outputs().into_iter().map(values::count).collect();
        let wanted = self.outputs.iter().map(|classes| Some(classes.split(',').count()));
        sight.channels == channels && sight.size_or(side) == [side; 2] && wanted.eq(counts)
    }

    /// How a picture goes in.
    pub fn form(&self, sight: &Sight<'_>) -> Form {
        let (_, side) = self.input;
        (self.form)(Form { size: sight.size_or(side), ..describer::plain(sight) })
    }

    /// The classes of the output of that place; none for a measure.
    pub fn classes(&self, output: usize) -> Vec<&'static str> {
        self.outputs.get(output).into_iter().flat_map(|classes| classes.split(',')).filter(|c| !c.is_empty()).collect()
    }

    fn has_sign(&self, sight: &Sight<'_>) -> bool {
        sight.hint(self.signs) > 0.0 || sight.named(self.signs).is_some()
    }
}

/// The row of that name.
///
/// # Errors
/// One sentence with the names that there are.
pub fn named(name: &str) -> Result<&'static Known, String> {
    KNOWN.iter().find(|known| known.name == name).ok_or_else(|| {
        let near = |known: &&Known| strsim::jaro_winkler(known.name, name);
        let nearest = KNOWN.iter().max_by(|a, b| near(a).total_cmp(&near(b)));
        let nearest = nearest.map(|known| format!(": did you mean `{}`", known.name)).unwrap_or_default();
        let names = KNOWN.iter().map(|known| known.name).collect::<Vec<_>>().join(", ");
        format!("there is no family `{name}` of models that describe{nearest}? Known are {names}")
    })
}

/// The row that a model is of, if it says so in some way.
pub fn of(sight: &Sight<'_>) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.fits(sight) && known.has_sign(sight))
}
