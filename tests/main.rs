//! Tests of whole processes, real servers and real models: one binary, so that it is linked once.

mod references;
mod support;
