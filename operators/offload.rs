//! offload
/// b
pub struct Offload;
/// b
pub struct Work;
