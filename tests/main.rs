//! Tests of whole processes, real servers and real models: one binary, so that it is linked once.

mod camera;
mod house;
mod kill;
mod mistakes;
mod odd_bytes;
mod references;
mod s3;
mod servers;
mod support;
mod whole_job;
mod wrong;
