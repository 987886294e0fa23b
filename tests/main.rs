//! Tests of the whole, in one binary: it links once.

mod wrong;
