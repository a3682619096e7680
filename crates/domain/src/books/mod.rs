//! Books, the reader and its annotations (domain.md §5.5).
