//! majlis
fn main() {}
