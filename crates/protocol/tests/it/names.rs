//! Channel names and codes.

use std::time::Duration;

use protocol::channel::Channel;
use protocol::codec::Encoding;
use protocol::codes::{CloseCode, ProtocolError, UnsubscribeCode};

#[test]
fn channel_names_go_both_ways() {
    for (name, channel) in [
        ("user:7", Channel::User(7)),
        ("room:1", Channel::Room(1)),
        ("presence:42", Channel::Presence(42)),
        ("course:7", Channel::Course(7)),
        ("post:18446744073709551615", Channel::Post(u64::MAX)),
        ("speaker:3", Channel::Speaker(3)),
    ] {
        assert_eq!(channel.to_string(), name);
        assert_eq!(name.parse(), Ok(channel));
        assert_eq!(serde_json::to_string(&channel).unwrap(), format!("\"{name}\""));
        assert_eq!(serde_json::from_str::<Channel>(&format!("\"{name}\"")).unwrap(), channel);
    }
}

#[test]
fn other_names_are_no_channels() {
    for name in [
        "",
        ":",
        "user",
        "user:",
        "user:0",
        "user:07",
        "user:+7",
        "user:-7",
        "user: 7",
        "user:7 ",
        "User:7",
        "user:7:8",
        "user:7\n",
        "user:٧",
        "user:1e3",
        "post:18446744073709551616",
        "chat:7",
        "user#7",
    ] {
        assert!(name.parse::<Channel>().is_err(), "{name:?}");
    }
}

#[test]
fn channels_keep_what_the_table_says() {
    let kept = |channel: Channel| channel.history().map(|policy| (policy.max_events, policy.ttl));
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    assert_eq!(kept(Channel::User(1)), Some((1000, hours(72))));
    assert_eq!(kept(Channel::Room(1)), Some((1000, hours(24))));
    assert_eq!(kept(Channel::Presence(1)).map(|kept| kept.0), Some(1));
    assert_eq!(kept(Channel::Post(1)), None);
    assert_eq!(kept(Channel::Speaker(1)), Some((100, hours(24))));
    assert!(
        Channel::User(1).recoverable()
            && Channel::Presence(1).recoverable()
            && !Channel::Post(1).recoverable()
    );
    assert!(Channel::Room(1).has_member_presence());
    assert!(
        [Channel::User(1), Channel::Presence(1), Channel::Post(1), Channel::Speaker(1)]
            .iter()
            .all(|other| !other.has_member_presence())
    );
}

#[test]
fn codes_are_the_protocols() {
    let errors: Vec<u32> = ProtocolError::ALL.iter().map(|error| error.code()).collect();
    assert_eq!(errors, (100..=112).collect::<Vec<_>>());
    let temporary: Vec<_> = ProtocolError::ALL.iter().filter(|error| error.temporary()).collect();
    assert_eq!(temporary, [&ProtocolError::Internal, &ProtocolError::TooManyRequests]);
    assert_eq!(ProtocolError::TokenExpired.to_string(), "token expired");
    let closes: Vec<(u16, bool)> =
        CloseCode::ALL.iter().map(|close| (close.code(), close.reconnect())).collect();
    let back = [3001, 3005, 3008, 3010, 3012, 3013].map(|code| (code, true));
    let gone = [3500, 3501, 3502, 3503, 3504, 4501, 4503].map(|code| (code, false));
    assert_eq!(closes, [back.as_slice(), gone.as_slice()].concat());
    assert_eq!(CloseCode::from_code(3008), Some(CloseCode::Slow));
    assert_eq!(CloseCode::from_code(1000), None);
    let ends: Vec<(u32, bool)> =
        UnsubscribeCode::ALL.iter().map(|end| (end.code(), end.resubscribe())).collect();
    assert_eq!(ends, [(2000, false), (2500, true)]);
}

#[test]
fn subprotocols_choose_the_encoding() {
    assert_eq!(Encoding::from_subprotocol(None), Some(Encoding::Json));
    for encoding in Encoding::ALL {
        assert_eq!(Encoding::from_subprotocol(Some(encoding.subprotocol())), Some(encoding));
    }
    assert_eq!(Encoding::from_subprotocol(Some("mqtt")), None);
    assert_eq!(Encoding::ALL.map(Encoding::is_binary), [false, true, true]);
}
