//! Posts, comments, reactions, shares and reports (`posts`, `comments`, `reactions`, `post_shares`, `post_reports`).
