//! One record on disk: how long it is, a checksum, and its bytes.
//!
//! ```text
//!  length: u32 │ the first 12 bytes of BLAKE3(sequence number, bytes) │ bytes
//! ```
//!
//! The number goes into the checksum, so that a record is taken for no other one.

use bytes::{BufMut, Bytes};

/// What stands in front of the bytes.
pub const HEAD: usize = 16;

/// The longest record; a length beyond it is none that was written.
pub const LONGEST: usize = 1 << 30;

/// Writes a record behind what `to` holds.
pub fn write(to: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    to.reserve(HEAD + bytes.len());
    to.put_u32_le(bytes.len() as u32);
    to.put_slice(&sum(number, bytes));
    to.put_slice(bytes);
}

/// What a head says: the length of the bytes behind it, if such a length was written.
pub fn length(head: &[u8; HEAD]) -> Option<usize> {
    let [a, b, c, d, ..] = *head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    (length <= LONGEST).then_some(length)
}

/// The bytes behind a head, if they are those that were written.
pub fn check(number: u64, head: &[u8; HEAD], bytes: Bytes) -> Option<Bytes> {
    (head[4..] == sum(number, &bytes)).then_some(bytes)
}

fn sum(number: u64, bytes: &[u8]) -> [u8; HEAD - 4] {
    let mut hash = blake3::Hasher::new();
    hash.update(&number.to_le_bytes()).update(bytes);
    let mut sum = [0; HEAD - 4];
    sum.copy_from_slice(&hash.finalize().as_bytes()[..HEAD - 4]);
    sum
}
