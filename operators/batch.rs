//! batch
/// b
pub struct Batch;
/// b
pub struct BatchFrames;
/// b
pub struct Cause;
/// b
pub struct Partition;
