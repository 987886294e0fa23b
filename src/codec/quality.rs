//! The quality of a JPEG, read back from its quantisation tables.
//!
//! A quality from 1 to 100 is a convention of the Independent JPEG Group's library (`jcparam.c`,
//! `jpeg_quality_scaling` and `jpeg_add_quant_table`): the example table of T.81, K.1, scaled by `5000 / q` percent
//! under 50 and by `200 − 2q` percent from 50 on. Here all hundred tables are compared with the one at hand: exact where
//! the encoder follows the convention, and the nearest in strength where it has tables of its own.

/// A quantisation table in zigzag order, as a file stores it.
pub type Table = [u16; 64];

/// T.81, table K.1 (luminance), in zigzag order.
#[rustfmt::skip]
const LUMINANCE: Table = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
    26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
    56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
    95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];

/// The quality, 1 to 100, whose luminance table is nearest to `table`.
pub fn estimate(table: &Table) -> u8 {
    let distance = |quality: &u8| -> u32 {
        LUMINANCE.iter().zip(table).map(|(&base, &value)| scaled(base, *quality).abs_diff(value.into())).sum()
    };
    (1..=100).min_by_key(distance).expect("a hundred qualities")
}

/// An entry of the table for a quality. Source: see the module.
fn scaled(base: u16, quality: u8) -> u32 {
    let quality = u32::from(quality);
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    ((u32::from(base) * percent + 50) / 100).clamp(1, 255)
}

/// Reads the tables of one DQT segment (T.81, B.2.4.1) into their places. What is broken is left out: the quality is an
/// estimate, and the decoder says what is wrong.
pub fn read_tables(mut body: &[u8], tables: &mut [Option<Table>; 4]) {
    while let Some((&head, rest)) = body.split_first() {
        let width = if head >> 4 == 0 { 1 } else { 2 };
        let Some((values, rest)) = rest.split_at_checked(64 * width) else { return };
        if let Some(place) = tables.get_mut(usize::from(head & 15)) {
            let value =
                |at: usize| values[at * width..][..width].iter().fold(0, |sum, &byte| sum << 8 | u16::from(byte));
            *place = Some(std::array::from_fn(value));
        }
        body = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a wrong base table, order or rounding: every quality is found again.
    #[test]
    fn every_quality_is_found_again() {
        for quality in 1..=100 {
            let table = LUMINANCE.map(|base| scaled(base, quality) as u16);
            let found = estimate(&table);
            assert_eq!(table, LUMINANCE.map(|base| scaled(base, found) as u16), "{quality} was taken for {found}");
        }
    }
}
