//! "How to read this": the same words on every page.

use std::fmt::Write;

const TERMS: [(&str, &str); 8] = [
    (
        "Verdict",
        "FAILED means that something acknowledged was lost, heard twice or out of order, that an answer never came, that \
         nothing was delivered, or that a limit was missed. No speed makes up for one of these.",
    ),
    (
        "Delivery",
        "One event heard by one client. A message into a room with 1,000 listeners is one message sent and 1,000 \
         deliveries. Its latency runs from the sender’s write to the moment the listener’s event is read.",
    ),
    (
        "Acknowledgement",
        "The server’s answer to a sender: the message is committed in MySQL and accepted by Redis.",
    ),
    (
        "p50, p99, p99.9",
        "Half of all were at most as slow as p50; 1 in 100 was slower than p99; 1 in 1,000 slower than p99.9. The largest \
         value is a single one. The plots over time show the percentiles of each second alone.",
    ),
    (
        "Behind schedule",
        "How late the tester itself sent what was due. Messages are due by the clock and not when the last answer came, \
         so a slow server cannot hide by slowing the tester down. Large figures here mean: more senders, a lower rate, or \
         a machine of its own for the tester.",
    ),
    (
        "Cores, and µs a delivery",
        "CPU time of a process by the time that went by, and by the deliveries of the whole run. It holds all that the \
         process did meanwhile: accepting, storing, answering. With few deliveries it says little.",
    ),
    (
        "Memory",
        "Resident memory. “Before” is without the test’s sockets, so the growth by the number of connections is what one \
         connection costs.",
    ),
    (
        "Recovered",
        "A client that was away names the last offset it saw and gets what came after it. Such deliveries have a latency \
         of their own and are not part of the live one.",
    ),
];

/// Writes the section.
pub(super) fn write(out: &mut String) -> std::fmt::Result {
    write!(out, "<h2>How to read this</h2>\n<dl class=\"reader\">")?;
    for (term, words) in TERMS {
        write!(out, "<dt>{term}</dt><dd>{words}</dd>")?;
    }
    writeln!(out, "</dl>")
}
