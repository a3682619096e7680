//! Certificates: their file, and what everybody may know of them.

use base::{Fault, Rule};
use domain::learning;

use crate::stage::Stage;

#[tokio::test]
async fn a_certificate_has_a_pdf_and_is_verified_by_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::with(|settings| {
        settings.limits.enabled = false;
        settings.uploads.folder = folder.path().join("files");
    })
    .await;
    let author = stage.speaker("author").await;
    let (student, stranger) = (stage.person("student").await, stage.person("stranger").await);
    let course = stage.published(&author, "A course", "0.00", 1).await;
    let enrollment = stage.join(&student, course.id).await;
    let app = &stage.app;
    let early = learning::find_certificate(app, &student, enrollment.id).await.unwrap_err();
    assert_eq!(early.rule(), Rule::NOT_FOUND);
    let lesson = stage.lessons_of(course.id).await[0];
    learning::complete_lesson(app, &student, lesson).await.unwrap();
    let certificate = learning::find_certificate(app, &student, enrollment.id).await.unwrap();
    assert!(certificate.pdf_url.is_some());
    assert!(
        certificate
            .verification_url
            .ends_with(&format!("/certificates/verify/{}", certificate.certificate_number))
    );
    let file = "SELECT pdf_url FROM certificates";
    let first = stage.text(file).await;
    // Drawn once, and again only where that is asked for.
    learning::find_certificate(app, &student, enrollment.id).await.unwrap();
    assert_eq!(stage.text(file).await, first);
    learning::render_certificate(app, &student, enrollment.id).await.unwrap();
    assert_ne!(stage.text(file).await, first);
    let status = stage.text(&format!("SELECT status FROM hub_uploads WHERE path = '{first}'")).await;
    assert_eq!(status, "released");
    let attached =
        "SELECT COUNT(*) FROM hub_uploads WHERE status = 'attached' AND attached_type = 'certificate'";
    assert_eq!(stage.number_of(attached).await, 1);
    let foreign = learning::find_certificate(app, &stranger, enrollment.id).await.unwrap_err();
    assert_eq!(foreign.rule(), Rule::NOT_FOUND);

    let number = certificate.certificate_number.to_ascii_lowercase();
    let verified = learning::verify_certificate(app, None, &number).await.unwrap();
    assert!(verified.valid && verified.course_title == "A course" && verified.name.contains("student"));
    for unknown in ["CERT-2026-0000000000", "", "%", &"x".repeat(5_000)] {
        let refused = learning::verify_certificate(app, None, unknown).await.unwrap_err();
        assert_eq!(refused.rule(), Rule::NOT_FOUND);
    }
    stage.assert_learning_holds().await;
}

#[tokio::test]
async fn an_address_verifies_thirty_times_a_minute() {
    let stage = Stage::with(|settings| settings.limits.enabled = true).await;
    let ip = Some("203.0.113.7".parse().unwrap());
    let mut refused = Vec::new();
    for _ in 0..32 {
        let outcome = learning::verify_certificate(&stage.app, ip, "CERT-2026-0000000000").await;
        refused.push(outcome.unwrap_err().rule());
    }
    assert_eq!(refused[..30], [Rule::NOT_FOUND; 30]);
    assert_eq!(refused[31], Rule::RATE_LIMITED);
}
