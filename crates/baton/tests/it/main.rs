//! The executable as a whole: the rules of the repository, the command line, end to end.

mod cat_fact;
mod coverage;
mod tidy;
