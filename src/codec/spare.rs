//! Buffers of pixels that nobody needs any more, for the next picture that this thread decodes: memory of that size would
//! be cleared, and often mapped, anew each time.

use std::cell::RefCell;

/// How many bytes a thread keeps at most: a batch of three pictures of 5 megapixels, and one more.
const KEPT: usize = 64 << 20;

thread_local!(static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) });

/// A buffer of `size` bytes. What stands in them is of no meaning.
pub fn take(size: usize) -> Vec<u8> {
    let found = SPARE.try_with(|spare| {
        let spare = &mut *spare.borrow_mut();
        let fits = spare.iter().position(|buffer| buffer.capacity() >= size);
        fits.map(|at| spare.swap_remove(at))
    });
    let mut buffer = found.ok().flatten().unwrap_or_default();
    buffer.resize(size, 0);
    buffer
}

/// Gives a buffer back: this thread may take it again. The oldest are freed where there are too many.
pub fn give(buffer: Vec<u8>) {
    // A thread that ends keeps nothing.
    let _ = SPARE.try_with(|spare| {
        let spare = &mut *spare.borrow_mut();
        spare.push(buffer);
        while spare.iter().map(Vec::capacity).sum::<usize>() > KEPT {
            spare.remove(0);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a buffer of another size, one that is made although a large enough one is there, and more than a thread
    /// may keep.
    #[test]
    fn a_buffer_is_taken_again() {
        let buffer = take(3000);
        let place = buffer.as_ptr();
        give(buffer);
        let smaller = take(1000);
        assert_eq!((smaller.as_ptr(), smaller.len()), (place, 1000));
        give(smaller);
        assert_eq!(take(5000).len(), 5000);
        give(vec![0; KEPT + 1]);
        assert!(SPARE.with_borrow(|spare| spare.iter().map(Vec::capacity).sum::<usize>() <= KEPT));
    }
}
