//! Books, purchases, progress and annotations (`books`, `book_purchases`, `book_annotations`, `book_reading_progress`).
