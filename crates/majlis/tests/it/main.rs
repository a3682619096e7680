//! Tests of the program as a whole.
//! `cfg(test)` tells the lints that helpers, too, are tests' own.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod seed;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod up;
