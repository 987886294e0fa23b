//! What sinks share: to try again, to make what is too large fit, and to delete what is too old.

pub mod fit;
pub mod insist;
pub mod keep;

pub use fit::Fit;
pub use insist::{Trouble, insist, over};
pub use keep::{Item, Keep, Keeper, Store};
