//! Tests of whole processes, real servers and real models: one binary, so that it is linked once.

mod camera;
mod delivery;
mod describe;
mod families;
mod house;
mod http;
mod jobs;
mod kill;
mod latency;
mod manual;
mod mesh;
mod mistakes;
mod mongodb;
mod odd_bytes;
mod pieces;
mod references;
mod rehearsal;
mod s3;
mod servers;
mod standing;
mod steps;
mod support;
mod tasks;
mod whole_job;
mod wrong;
