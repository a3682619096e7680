//! Which ports everything listens on.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Result, bail};

/// A hub's two addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct HubPorts {
    pub(super) listen: SocketAddr,
    pub(super) admin: SocketAddr,
}

/// All addresses.
#[derive(Clone, Debug)]
pub(super) struct Ports {
    pub(super) api: SocketAddr,
    pub(super) api_admin: SocketAddr,
    pub(super) hubs: Vec<HubPorts>,
}

/// From a process's port to its admin port.
const ADMIN: u16 = 100;

impl Ports {
    /// `port` for the API, the following ones for the hubs, 100 more for the admin ports; with 0, any free ones.
    ///
    /// # Errors
    /// A port is taken: one sentence saying which and what to do.
    pub(super) fn choose(port: u16, hubs: u16) -> Result<Self> {
        if port == 0 {
            return Self::free(hubs);
        }
        if port.checked_add(hubs + ADMIN).is_none() {
            bail!(
                "port {port} is too high for {hubs} hubs and the admin ports; choose one below {}",
                u16::MAX - hubs - ADMIN
            );
        }
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let ports = Self {
            api: address(port),
            api_admin: address(port + ADMIN),
            hubs: (1..=hubs)
                .map(|hub| HubPorts { listen: address(port + hub), admin: address(port + ADMIN + hub) })
                .collect(),
        };
        for (name, address) in ports.named() {
            if let Err(error) = TcpListener::bind(address) {
                bail!(
                    "port {} ({name}) cannot be used: {}; stop what listens there, or choose another with --port",
                    address.port(),
                    if error.kind() == std::io::ErrorKind::AddrInUse {
                        "it is taken".to_owned()
                    } else {
                        error.to_string()
                    }
                );
            }
        }
        Ok(ports)
    }

    fn free(hubs: u16) -> Result<Self> {
        // All are held at once, so that they are all different.
        let mut held = Vec::new();
        let mut next = || -> Result<SocketAddr> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let address = listener.local_addr()?;
            held.push(listener);
            Ok(address)
        };
        let api = next()?;
        let api_admin = next()?;
        let hubs = (0..hubs)
            .map(|_| Ok(HubPorts { listen: next()?, admin: next()? }))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { api, api_admin, hubs })
    }

    fn named(&self) -> impl Iterator<Item = (String, SocketAddr)> + '_ {
        let api = [("the API's".to_owned(), self.api), ("the API's admin port".to_owned(), self.api_admin)];
        let hubs = self.hubs.iter().zip(1..).flat_map(|(hub, number)| {
            [(format!("hub {number}'s"), hub.listen), (format!("hub {number}'s admin port"), hub.admin)]
        });
        api.into_iter().chain(hubs)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::Ports;

    #[test]
    fn a_taken_port_is_named_with_its_way_out() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = held.local_addr().unwrap().port();
        let sentence = Ports::choose(port, 1).unwrap_err().to_string();
        assert!(sentence.contains(&port.to_string()) && sentence.contains("--port"), "{sentence}");
        assert!(Ports::choose(65_500, 2).is_err());
    }

    #[test]
    fn free_ports_are_all_different() {
        let ports = Ports::choose(0, 3).unwrap();
        let mut all: Vec<_> = ports.named().map(|(_, address)| address.port()).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 8);
    }
}
