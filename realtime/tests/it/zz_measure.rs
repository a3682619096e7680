use std::io::{Read, Write};
use std::net::TcpStream;
use crate::stand::Stand;

fn rss_kb() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    text.lines().find(|l| l.starts_with("VmRSS")).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
}
fn frame(text: &str) -> Vec<u8> {
    let n = text.len();
    let mut f = vec![0x81];
    if n < 126 { f.push(0x80 | n as u8) } else { f.push(0x80 | 126); f.extend((n as u16).to_be_bytes()); }
    f.extend([0, 0, 0, 0]);
    f.extend(text.as_bytes());
    f
}
#[tokio::test(flavor = "multi_thread")]
async fn zz_memory() {
    let stand = Stand::with(1, |s| { s.socket.presence_grace = std::time::Duration::from_secs(60); s.socket.ping_interval = std::time::Duration::from_secs(6000); }).await;
    let room = stand.room().await;
    let count = 2000;
    let mut tokens = Vec::new();
    for i in 0..count {
        let id = stand.user(&format!("m{i:05}")).await;
        tokens.push(stand.token(id).await);
    }
    let address = stand.nodes[0].hub.address();
    let mut sockets = Vec::new();
    let mut before = 0;
    for (i, token) in tokens.iter().enumerate() {
        if i == 200 { tokio::time::sleep(std::time::Duration::from_secs(2)).await; before = rss_kb(); }
        let token = token.clone();
        let s = tokio::task::spawn_blocking(move || {
            let mut s = TcpStream::connect(address).unwrap();
            s.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
            s.write_all(b"GET /connection/websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").unwrap();
            let mut b = [0; 4096];
            let n = s.read(&mut b).unwrap(); assert!(b[..n].starts_with(b"HTTP/1.1 101"));
            s.write_all(&frame(&format!("{{\"id\":1,\"connect\":{{\"token\":\"{token}\"}}}}"))).unwrap();
            let n = s.read(&mut b).unwrap(); assert!(String::from_utf8_lossy(&b[..n]).contains("\"connect\""));
            s.write_all(&frame(&format!("{{\"id\":2,\"subscribe\":{{\"channel\":\"room:{room}\"}}}}"))).unwrap();
            loop { let n = s.read(&mut b).unwrap(); assert!(n > 0); if String::from_utf8_lossy(&b[..n]).contains("\"subscribe\"") { break } }
            s
        }).await.unwrap();
        sockets.push(s);
    }
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let after = rss_kb();
    println!("RSS/conn: {} bytes over {} connections", (after - before) * 1024 / (count - 200), count - 200);
    println!("{:?}", stand.nodes[0].hub.occupancy());
    // fan-out: time until all frames are in queues/kernels
    let cpu = || { let t = std::fs::read_to_string("/proc/self/stat").unwrap(); let f: Vec<_> = t.rsplit(')').next().unwrap().split_whitespace().map(str::to_owned).collect(); f[11].parse::<u64>().unwrap() + f[12].parse::<u64>().unwrap() };
    let (c0, t0) = (cpu(), std::time::Instant::now());
    for n in 0..100 { stand.publish_padded(&format!("room:{room}"), n, 200).await; }
    // sockets' kernel buffers hold it all; wait for the queues to drain
    tokio::time::sleep(std::time::Duration::from_millis(3000)).await;
    println!("100 events x {} subscribers: cpu {} ms ({:?}) = {} us a delivery", sockets.len(), (cpu() - c0) * 10, t0.elapsed(), (cpu() - c0) as f64 * 10_000.0 / (100.0 * sockets.len() as f64));
    let after2 = rss_kb();
    println!("RSS/conn after burst: {}", (after2 - before) * 1024 / (count - 200));
    println!("sizes: connection {}", 0);
}
