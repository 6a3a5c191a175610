//! A wire between agents and server that can be cut: a forwarder whose connections are dropped at once.

use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A port that leads to the server until it is cut; new connections lead there again.
pub(crate) struct Wire {
    pub(crate) port: u16,
    cut: Arc<watch::Sender<u64>>,
    forwarder: tokio::task::JoinHandle<()>,
}

impl Wire {
    /// A wire to this port of this machine.
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let cut = Arc::new(watch::Sender::new(0));
        let cuts = Arc::clone(&cut);
        let forwarder = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let mut cut = cuts.subscribe();
                tokio::spawn(async move {
                    tokio::select! {
                        () = forward(near, server) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self {
            port,
            cut,
            forwarder,
        }
    }

    /// Cuts every connection that goes through, in the middle of whatever it carries.
    pub(crate) fn cut(&self) {
        self.cut.send_modify(|n| *n += 1);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}

async fn forward(mut near: TcpStream, server: u16) {
    if let Ok(mut far) = TcpStream::connect(("127.0.0.1", server)).await {
        tokio::io::copy_bidirectional(&mut near, &mut far)
            .await
            .ok();
    }
}
