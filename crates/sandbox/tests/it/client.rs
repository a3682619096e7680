//! The least client that can put a statement to each server: the sandbox itself has no database library.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// A connection of MySQL's client protocol as root without a password.
pub(crate) struct MySqlClient(UnixStream);

impl MySqlClient {
    pub(crate) fn connect(socket: &Path) -> Result<Self> {
        let mut client = Self(UnixStream::connect(socket)?);
        let greeting = client.read_packet()?;
        // The greeting ends with the name of the server's way of signing in; ours is its own.
        let named = greeting.strip_suffix(&[0]).unwrap_or(&greeting);
        let plugin = named.rsplit(|byte| *byte == 0).next().unwrap_or_default().to_owned();
        // LONG_PASSWORD, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH
        let mut answer = 0x0008_A201_u32.to_le_bytes().to_vec();
        answer.extend(0x0100_0000_u32.to_le_bytes());
        answer.push(45);
        answer.extend([0; 23]);
        answer.extend(b"root\0\0");
        answer.extend(plugin);
        answer.push(0);
        client.write_packet(1, &answer)?;
        client.read_reply()?;
        Ok(client)
    }

    /// Runs one statement; the first value of its first row, if it has any.
    pub(crate) fn query(&mut self, sql: &str) -> Result<Option<String>> {
        let mut command = vec![3];
        command.extend(sql.as_bytes());
        self.write_packet(0, &command)?;
        let columns = self.read_reply().with_context(|| sql.to_owned())?;
        if columns == 0 {
            return Ok(None);
        }
        for _ in 0..columns {
            self.read_packet()?;
        }
        self.read_packet()?;
        let mut value = None;
        loop {
            let row = self.read_packet()?;
            if row.first() == Some(&0xfe) && row.len() < 9 {
                return Ok(value);
            }
            if let (None, Some((&length, rest))) = (&value, row.split_first()) {
                let text = rest.get(..usize::from(length)).context("a value longer than 250 bytes")?;
                value = Some(String::from_utf8(text.to_vec())?);
            }
        }
    }

    /// The first byte of a reply: 0 for done, else the number of columns.
    fn read_reply(&mut self) -> Result<u8> {
        let reply = self.read_packet()?;
        match reply.first() {
            Some(0xff) => bail!("{}", String::from_utf8_lossy(reply.get(3..).unwrap_or_default())),
            Some(0xfe) => bail!("the server wants another way of signing in"),
            first => first.copied().context("an empty packet"),
        }
    }

    fn read_packet(&mut self) -> Result<Vec<u8>> {
        let mut head = [0; 4];
        self.0.read_exact(&mut head)?;
        let [a, b, c, _] = head;
        let mut body = vec![0; usize::try_from(u32::from_le_bytes([a, b, c, 0]))?];
        self.0.read_exact(&mut body)?;
        Ok(body)
    }

    fn write_packet(&mut self, number: u8, body: &[u8]) -> Result<()> {
        let [a, b, c, _] = u32::try_from(body.len())?.to_le_bytes();
        self.0.write_all(&[a, b, c, number])?;
        Ok(self.0.write_all(body)?)
    }
}

/// What Redis says to `commands`, one a line.
pub(crate) fn redis(port: u16, commands: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(format!("{commands}\r\nQUIT\r\n").as_bytes())?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    Ok(reply)
}
