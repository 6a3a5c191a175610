//! Who may do what: every route with every role, with no key and with bad ones; other sites' pages.

use baton_core::access::Role;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::world::{World, answer};

/// Paths that answer without a key.
const PUBLIC: [&str; 9] = [
    "/",
    "/healthz",
    "/readyz",
    "/install.sh",
    "/api/v1/agent/baton",
    "/api/v1/openapi.json",
    "/api/v1/robots/enroll",
    "/api/v1/sessions",
    "",
];

fn concrete(path: &str) -> String {
    path.split('/')
        .map(|part| {
            if part.starts_with('{') {
                "01939d2e-5a1c-7cc4-8f2e-6b1f0a4d7e21"
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn every_route_admits_exactly_the_roles_that_it_names() {
    let world = World::new().await;
    let mut keys = Vec::new();
    for role in Role::ALL {
        keys.push((role, world.key(role).await));
    }
    for (method, path, roles) in baton_server::http::routes() {
        if roles.is_empty() {
            assert!(
                PUBLIC.contains(&path),
                "{path} is public without being listed here"
            );
            continue;
        }
        for (role, key) in &keys {
            if path.ends_with("/events") && roles.contains(role) {
                continue; // A stream does not end; its own tests read it.
            }
            let url = concrete(path);
            let response = world
                .request(method.clone(), &url, key)
                .send()
                .await
                .expect("sent");
            let status = response.status();
            if roles.contains(role) {
                let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
                assert!(
                    !refused.contains(&status),
                    "{role:?} {method} {path}: {status}"
                );
                assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{method} {path}");
            } else {
                assert_eq!(status, StatusCode::FORBIDDEN, "{role:?} {method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn every_route_that_is_not_public_refuses_nobody_and_wrong_keys() {
    let world = World::new().await;
    let wrong = format!("{}0", &world.admin[..world.admin.len() - 1]);
    let wrong = if wrong == world.admin {
        wrong.replace('0', "1")
    } else {
        wrong
    };
    for (method, path, roles) in baton_server::http::routes() {
        if roles.is_empty() {
            continue;
        }
        let url = format!("{}{}", world.server.url, concrete(path));
        let response = world
            .http
            .request(method.clone(), &url)
            .send()
            .await
            .expect("sent");
        let (status, body) = answer(response).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(body["code"], "no_key", "{method} {path}");
        let response = world
            .request(method.clone(), &concrete(path), &wrong)
            .send()
            .await;
        let status = response.expect("sent").status();
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
        assert!(refused.contains(&status), "{method} {path}: {status}");
    }
}

#[tokio::test]
async fn a_revoked_key_stops_at_once() {
    let world = World::new().await;
    let made = world
        .client
        .create_key(&baton_api::rest::CreateKey {
            name: "ci".into(),
            role: Role::Viewer,
            expires_in_seconds: None,
        })
        .await
        .expect("a key");
    let client = crate::world::client(&world.server.url, &made.secret);
    assert_eq!(client.session().await.expect("it works").role, Role::Viewer);
    world.client.revoke_key(made.key.id).await.expect("revoked");
    let error = client.session().await.expect_err("it was taken back");
    assert_eq!(error.code(), "revoked_key");
}

#[tokio::test]
async fn a_browser_is_signed_out_when_the_key_that_opened_its_session_is_taken_back() {
    let world = World::new().await;
    let made = world
        .client
        .create_key(&baton_api::rest::CreateKey {
            name: "desk".into(),
            role: Role::Operator,
            expires_in_seconds: Some(3600),
        })
        .await
        .expect("a key");
    let desk = crate::world::client(&world.server.url, &made.secret);
    let link = desk.create_sign_in_link().await.expect("a link");
    let token = link.url.split_once('#').expect("in the fragment").1;
    let sessions = format!("{}/api/v1/sessions", world.server.url);
    let mut cookies = Vec::new();
    for body in [json!({"token": token}), json!({"key": made.secret})] {
        let opened = world.http.post(&sessions).json(&body).send().await;
        let opened = opened.expect("sent");
        let cookie = opened.headers()["set-cookie"].to_str().expect("text");
        cookies.push(cookie.split(';').next().expect("a pair").to_owned());
        let (status, body) = answer(opened).await;
        assert_eq!(status, StatusCode::CREATED);
        let ends: jiff::Timestamp = body["expires_at"]
            .as_str()
            .and_then(|at| at.parse().ok())
            .expect("an instant");
        assert!(Some(ends) <= made.key.expires_at, "it ends with its key");
    }
    let look = |cookie: &str| {
        let session = format!("{}/api/v1/session", world.server.url);
        world.http.get(session).header("cookie", cookie).send()
    };
    for cookie in &cookies {
        assert_eq!(look(cookie).await.expect("sent").status(), StatusCode::OK);
    }
    world.client.revoke_key(made.key.id).await.expect("revoked");
    for cookie in &cookies {
        let (status, body) = answer(look(cookie).await.expect("sent")).await;
        let refused = (StatusCode::UNAUTHORIZED, &json!("revoked_key"));
        assert_eq!((status, &body["code"]), refused);
    }
}

#[tokio::test]
async fn a_sign_in_link_works_once_and_its_cookie_only_for_this_servers_own_pages() {
    let world = World::new().await;
    let link = world.client.create_sign_in_link().await.expect("a link");
    let token = link
        .url
        .split_once('#')
        .expect("in the fragment")
        .1
        .to_owned();
    let sessions = format!("{}/api/v1/sessions", world.server.url);
    let sign_in = || {
        world
            .http
            .post(&sessions)
            .json(&json!({"token": token}))
            .send()
    };
    let first = sign_in().await.expect("sent");
    assert_eq!(first.status(), StatusCode::CREATED);
    let cookie = first.headers()["set-cookie"]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let (status, body) = answer(sign_in().await.expect("sent")).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::UNAUTHORIZED, &json!("revoked_key"))
    );

    let url = format!("{}/api/v1/queues/default/pause", world.server.url);
    let post = || world.http.post(&url).header("cookie", &cookie);
    let own = world.server.url.clone();
    let good = post().header("origin", &own).send().await.expect("sent");
    assert_eq!(good.status(), StatusCode::OK);
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        let response = post().header("origin", origin).send().await.expect("sent");
        let (status, body) = answer(response).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::FORBIDDEN, &json!("cross_origin")),
            "{origin}"
        );
    }
    let silent = post().send().await.expect("sent");
    assert_eq!(
        silent.status(),
        StatusCode::FORBIDDEN,
        "a browser says its origin"
    );
    let rebound = world
        .http
        .get(format!("{}/api/v1/queues", world.server.url))
        .header("cookie", &cookie)
        .header("host", "evil.example")
        .send()
        .await
        .expect("sent");
    let (status, body) = answer(rebound).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::MISDIRECTED_REQUEST, &json!("unknown_host"))
    );
}

#[tokio::test]
async fn an_enrolment_token_works_once() {
    let world = World::new().await;
    let enrolment = world
        .client
        .create_enrolment(&Default::default())
        .await
        .expect("a token");
    assert!(enrolment.command.contains(&enrolment.token));
    let ask = |name: &str| baton_api::rest::EnrolRequest {
        token: enrolment.token.clone(),
        name: name.into(),
        computer: String::new(),
    };
    world
        .client
        .enrol_robot(&ask("one"))
        .await
        .expect("enrolled");
    let error = world
        .client
        .enrol_robot(&ask("two"))
        .await
        .expect_err("used up");
    assert_eq!(error.code(), "revoked_key");
    let robots = world.client.robots().await.expect("robots").items;
    assert_eq!(robots.len(), 1, "no robot without a key stays behind");
    let taken = world
        .client
        .create_enrolment(&Default::default())
        .await
        .expect("a token");
    let mut again = ask("one");
    again.token = taken.token;
    let error = world.client.enrol_robot(&again).await.expect_err("taken");
    assert_eq!(error.code(), "robot_exists");
}

#[tokio::test]
async fn the_install_line_of_a_token_for_one_robot_brings_its_name() {
    let world = World::new().await;
    let asked = baton_api::rest::CreateEnrolment {
        robot_name: Some("anna's pc".into()),
        ..Default::default()
    };
    let made = (world.client.create_enrolment(&asked).await).expect("a token");
    let end = format!(r"{} 'anna'\''s pc'", made.token);
    assert!(made.command.ends_with(&end), "{}", made.command);
}

#[tokio::test]
async fn a_robot_key_cannot_open_what_its_robot_does_not_need() {
    let world = World::new().await;
    let key = world.key(Role::Robot).await;
    let response = world
        .request(Method::GET, "/api/v1/runs", &key)
        .send()
        .await
        .expect("sent");
    let (status, body) = answer(response).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::FORBIDDEN, &json!("forbidden"))
    );
}
