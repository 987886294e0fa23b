//! What a camera writes beside a picture (EXIF): the fields of use, and the place only when asked.
//!
//! It is a TIFF: tables of fields that point to each other anywhere. Each pointer is looked up once and checked, so that
//! no file leads in circles or outside.

use serde_json::{Map, Number, Value};

/// Tables: the first, EXIF's own, and GPS.
const EXIF: u16 = 0x8769;
const GPS: u16 = 0x8825;

/// Fields by number, and what they are called here.
const FIELDS: [(u16, &str); 10] = [
    (0x010F, "make"),
    (0x0110, "model"),
    (0x0112, "orientation"),
    (0x0131, "software"),
    (0x829A, "exposure_seconds"),
    (0x829D, "f_number"),
    (0x8827, "iso"),
    (0x9003, "taken_at"),
    (0x9011, "offset"),
    (0x920A, "focal_length_mm"),
];

/// The longest text that is told.
const LONGEST: usize = 200;

/// The fields of use in an EXIF block (behind its `Exif\0\0`); with `gps`, the place in degrees and metres too.
pub fn read(block: &[u8], gps: bool) -> Map<String, Value> {
    let mut found = Map::new();
    let Some(tiff) = Tiff::new(block) else { return found };
    let first = tiff.number(4, 4).map(|at| tiff.table(at)).unwrap_or_default();
    let own = tiff.linked(&first, EXIF);
    for field in first.iter().chain(&own) {
        let name = FIELDS.iter().find(|(tag, _)| *tag == field.tag).map(|(_, name)| *name);
        if let Some((name, value)) = name.zip(tiff.value(field)) {
            found.insert(name.into(), value);
        }
    }
    if gps {
        found.extend(tiff.place(&tiff.linked(&first, GPS)));
    }
    found
}

/// A field of a table.
#[derive(Clone, Copy, Debug)]
struct Field {
    tag: u16,
    kind: u16,
    count: usize,
    /// Where its values begin.
    at: usize,
}

struct Tiff<'b> {
    bytes: &'b [u8],
    little: bool,
}

impl<'b> Tiff<'b> {
    fn new(bytes: &'b [u8]) -> Option<Self> {
        let little = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        Some(Self { bytes, little })
    }

    /// A whole number of `size` bytes, 8 at most.
    fn number(&self, at: usize, size: usize) -> Option<usize> {
        let bytes = self.bytes.get(at..at.checked_add(size)?)?;
        let join = |value: usize, byte: &u8| value << 8 | usize::from(*byte);
        Some(match self.little {
            true => bytes.iter().rev().fold(0, join),
            false => bytes.iter().fold(0, join),
        })
    }

    /// The fields of the table at `at`: as many as are there.
    fn table(&self, at: usize) -> Vec<Field> {
        let count = self.number(at, 2).unwrap_or(0);
        (0..count).map_while(|index| self.field(at.checked_add(2 + index * 12)?)).collect()
    }

    fn field(&self, at: usize) -> Option<Field> {
        let (tag, kind, count) = (self.number(at, 2)? as u16, self.number(at + 2, 2)? as u16, self.number(at + 4, 4)?);
        // What fits into four bytes stands in the field itself.
        let inside = size(kind).checked_mul(count)? <= 4;
        let at = if inside { at + 8 } else { self.number(at + 8, 4)? };
        Some(Field { tag, kind, count, at })
    }

    fn linked(&self, table: &[Field], tag: u16) -> Vec<Field> {
        let link = table.iter().find(|field| field.tag == tag);
        link.and_then(|field| self.number(field.at, 4)).map(|at| self.table(at)).unwrap_or_default()
    }

    fn value(&self, field: &Field) -> Option<Value> {
        match field.kind {
            2 => self.text(field).map(Value::from),
            _ => self.numeric(field, 0).and_then(Number::from_f64).map(|number| match number.as_f64() {
                Some(value) if value.fract() == 0.0 && value.abs() < 1e9 => Value::from(value as i64),
                _ => Value::from(number),
            }),
        }
    }

    fn text(&self, field: &Field) -> Option<String> {
        let bytes = self.bytes.get(field.at..field.at.checked_add(field.count)?)?;
        let text =
            String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next()?).trim().chars().take(LONGEST).collect();
        Some(text).filter(|text: &String| !text.is_empty())
    }

    /// The value of that index, as a number: 16 and 32 bits, and fractions.
    fn numeric(&self, field: &Field, index: usize) -> Option<f64> {
        let at = field.at.checked_add(index.checked_mul(size(field.kind))?)?;
        let value = |at: usize, size: usize| (index < field.count).then(|| self.number(at, size)).flatten();
        match field.kind {
            3 => value(at, 2).map(|value| value as f64),
            4 => value(at, 4).map(|value| value as f64),
            5 => Some(value(at, 4)? as f64 / value(at + 4, 4).filter(|below| *below > 0)? as f64),
            _ => None,
        }
    }

    /// Degrees north and east, metres above the sea.
    fn place(&self, table: &[Field]) -> Map<String, Value> {
        let field = |tag: u16| table.iter().find(|field| field.tag == tag);
        let degrees = |tag: u16, negative: &str| {
            let angle = field(tag)?;
            let part = |index: usize| self.numeric(angle, index);
            let value = part(0)? + part(1).unwrap_or(0.0) / 60.0 + part(2).unwrap_or(0.0) / 3600.0;
            let other_way = field(tag - 1).and_then(|field| self.text(field)).is_some_and(|side| side == negative);
            Some(if other_way { -value } else { value })
        };
        let below = field(5).and_then(|field| self.number(field.at, 1)) == Some(1);
        let altitude =
            field(6).and_then(|field| self.numeric(field, 0)).map(|metres| if below { -metres } else { metres });
        let all = [("latitude", degrees(2, "S")), ("longitude", degrees(4, "W")), ("altitude", altitude)];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect()
    }
}

/// Bytes of a value of that kind; 0 for kinds that are not read.
fn size(kind: u16) -> usize {
    match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 => 4,
        5 | 10 | 12 => 8,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A block of both byte orders' kind with a make, an exposure in EXIF's table and a place.
    fn block() -> Vec<u8> {
        let mut block = b"MM\0*\0\0\0\x08".to_vec();
        let field = |tag: u16, kind: u16, count: u32, value: u32| {
            [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
        };
        let text = |letters: &[u8; 4]| u32::from_be_bytes(*letters);
        let table = |fields: &[Vec<u8>]| [&(fields.len() as u16).to_be_bytes()[..], &fields.concat(), &[0; 4]].concat();
        // 8: three fields (42 bytes), 50: one (18), 68: four (54), 122: fractions.
        block.extend(table(&[field(0x010F, 2, 4, text(b"Eye\0")), field(EXIF, 4, 1, 50), field(GPS, 4, 1, 68)]));
        block.extend(table(&[field(0x829A, 5, 1, 122)]));
        let south = field(1, 2, 2, text(b"S\0\0\0"));
        block.extend(table(&[south, field(2, 5, 3, 130), field(3, 2, 2, text(b"E\0\0\0")), field(4, 5, 3, 130)]));
        for number in [1, 125, 48, 1, 30, 1, 36, 1_u32] {
            block.extend(number.to_be_bytes());
        }
        block
    }

    /// Catches a place that is told unasked, a side of the earth that is mixed up, and fractions upside down.
    #[test]
    fn what_is_of_use_is_read_and_the_place_only_when_asked() {
        assert_eq!(Value::from(read(&block(), false)), json!({ "make": "Eye", "exposure_seconds": 0.008 }));
        let place = read(&block(), true);
        assert_eq!((&place["latitude"], &place["longitude"]), (&json!(-48.51), &json!(48.51)));
    }

    proptest! {
        /// Catches a pointer that leads outside or in circles: a block with any bytes changed.
        #[test]
        fn no_block_panics(changes in proptest::collection::vec((0..200_usize, any::<u8>()), 0..20), cut in 0..200_usize) {
            let mut block = block();
            changes.into_iter().for_each(|(at, byte)| {
                let at = at % block.len();
                block[at] = byte;
            });
            block.truncate(cut.max(8));
            read(&block, true);
        }
    }
}
