//! Tests of the program as a whole.

mod seed;
mod up;
