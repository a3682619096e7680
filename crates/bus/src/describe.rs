//! What the numbers mean that this crate counts (realtime.md §8): the HELP lines of `/metrics`.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Says it to the recorder of this process, if there is one.
pub(crate) fn describe() {
    describe_histogram!("bus_command_seconds", Unit::Seconds, "Round trips to Redis, by what was asked");
    describe_counter!("bus_command_errors_total", "Round trips to Redis that failed, by what was asked");
    describe_counter!("bus_publish_total", "Events published");
    describe_counter!("bus_recover_total", "Histories read for recovery, by whether all was there");
    describe_counter!("bus_link_rebuilds_total", "Links to Redis that were lost and made again, by link");
    describe_counter!("bus_cluster_changes_total", "Changes of the cluster's shape that were followed");
    describe_counter!("bus_listener_dropped_total", "Events dropped because this node could not take them");
    describe_gauge!(
        "bus_listener_silence_seconds",
        Unit::Seconds,
        "Since the pub/sub link heard itself last"
    );
    describe_counter!("bus_presence_swept_total", "Users taken away from dead nodes");
}
