//! The robots' doors: an upgrade happens only with a robot's own key, and never for another site's page.

use baton_core::access::Role;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::StatusCode;

use crate::world::World;

/// The status of an upgrade that was asked for: 101 when it happened.
async fn upgrade(world: &World, path: &str, headers: &[(&'static str, &str)]) -> StatusCode {
    let url = format!("{}{path}", world.server.url.replacen("http", "ws", 1));
    let mut request = url.into_client_request().expect("a URL");
    for (name, value) in headers {
        let value = value.parse().expect("a header");
        request.headers_mut().insert(*name, value);
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((_, response)) => response.status(),
        Err(Error::Http(response)) => response.status(),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_robot_is_let_in_at_both_doors_and_nobody_else_is() {
    let world = World::new().await;
    let robot = format!("Bearer {}", world.key(Role::Robot).await);
    let admin = format!("Bearer {}", world.admin);
    for path in ["/ws/robot", "/"] {
        let status = upgrade(&world, path, &[("authorization", &robot)]).await;
        assert_eq!(status, StatusCode::SWITCHING_PROTOCOLS, "{path}");
        let status = upgrade(&world, path, &[("authorization", &admin)]).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(
            upgrade(&world, path, &[]).await,
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
        let evil = [
            ("authorization", robot.as_str()),
            ("origin", "https://evil.example"),
        ];
        assert_eq!(
            upgrade(&world, path, &evil).await,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
}
