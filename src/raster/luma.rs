//! How bright pixels are: ITU-R BT.601, in whole numbers as Pillow's mode `L` has it.

use crate::codec::Pixels;

/// The brightness of a pixel.
pub fn of([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + (1 << 15)) >> 16) as u8
}

/// The brightness of each pixel.
pub fn plane(pixels: &Pixels) -> Vec<u8> {
    pixels.rgb.as_chunks::<3>().0.iter().map(|pixel| of(*pixel)).collect()
}

/// The mean brightness in each cell of a grid of `columns × rows` over the picture. Where it has fewer pixels than the
/// grid has cells, cells share them.
pub fn grid(pixels: &Pixels, columns: usize, rows: usize) -> Vec<u8> {
    let (luma, width, height) = (plane(pixels), pixels.width as usize, pixels.height as usize);
    let cell = |index: usize, of: usize, length: usize| {
        let start = (index * length / of).min(length - 1);
        start..((index + 1) * length / of).max(start + 1)
    };
    let mean = |row: usize, column: usize| {
        let (down, across) = (cell(row, rows, height), cell(column, columns, width));
        let count = (down.len() * across.len()) as u64;
        let sum: u64 = down.flat_map(|y| &luma[y * width..][across.clone()]).map(|value| u64::from(*value)).sum();
        ((sum + count / 2) / count) as u8
    };
    let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    cells.map(|(row, column)| mean(row, column)).collect()
}
