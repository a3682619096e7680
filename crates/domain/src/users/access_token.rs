//! Access tokens: JWTs of one pinned algorithm that need no query (domain.md D3, realtime.md §2).

use std::fmt;
use std::path::Path;
use std::time::Duration;

use base::id::UserId;
use base::{CommonFault, Time};
use config::{JwtAlgorithm, JwtKeys};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::{Actor, App};

/// What an access token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// The user's id, in digits.
    sub: String,
    /// Who signed it.
    iss: String,
    /// When it ends, Unix seconds.
    exp: i64,
    /// When it was signed, Unix seconds.
    #[serde(default)]
    iat: i64,
    /// Its own id, which a revocation may name.
    #[serde(default)]
    jti: String,
    /// The sign-in session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    /// Abilities; all where left out.
    #[serde(default)]
    abl: Option<Vec<String>>,
}

/// An access token that holds, as far as it can be told without asking anybody.
pub(super) struct ReadToken {
    pub(super) actor: Actor,
    pub(super) expires_at: Time,
}

/// Keys that sign and check access tokens. One algorithm, pinned: a token that names another is refused.
pub struct TokenKeys {
    header: Header,
    signing: Option<EncodingKey>,
    checking: DecodingKey,
    validation: Validation,
    issuer: String,
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TokenKeys").field("algorithm", &self.header.alg).finish_non_exhaustive()
    }
}

impl TokenKeys {
    /// Reads the keys.
    ///
    /// # Errors
    /// A sentence for the operator in the source: a file that cannot be read, or is no key of the algorithm.
    pub fn load(settings: &config::Auth) -> Result<Self, CommonFault> {
        let (algorithm, signing, checking) = match &settings.jwt {
            JwtKeys::Secret(secret) => {
                let secret = secret.expose().as_bytes();
                (Algorithm::HS256, Some(EncodingKey::from_secret(secret)), DecodingKey::from_secret(secret))
            }
            JwtKeys::Files { algorithm, private, public } => {
                let public_pem = read_pem(public)?;
                let private_pem = private.as_deref().map(read_pem).transpose()?;
                let (algorithm, checking, signing) = match algorithm {
                    JwtAlgorithm::EdDsa => (
                        Algorithm::EdDSA,
                        DecodingKey::from_ed_pem(&public_pem),
                        private_pem.map(|pem| EncodingKey::from_ed_pem(&pem)).transpose(),
                    ),
                    JwtAlgorithm::Rs256 => (
                        Algorithm::RS256,
                        DecodingKey::from_rsa_pem(&public_pem),
                        private_pem.map(|pem| EncodingKey::from_rsa_pem(&pem)).transpose(),
                    ),
                };
                let refuse = |error| {
                    CommonFault::internal(format!("a JWT key file is no {algorithm:?} key in PEM: {error}"))
                };
                (algorithm, signing.map_err(refuse)?, checking.map_err(refuse)?)
            }
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_issuer(&[&settings.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        let issuer = settings.issuer.clone();
        Ok(Self { header: Header::new(algorithm), signing, checking, validation, issuer })
    }

    fn sign(&self, claims: &Claims) -> Result<String, CommonFault> {
        let key = self.signing.as_ref().ok_or_else(|| {
            CommonFault::internal("this process has no private key, so it cannot sign access tokens")
        })?;
        jsonwebtoken::encode(&self.header, claims, key).map_err(CommonFault::internal)
    }

    /// Signs a token for a user.
    pub(super) fn mint(
        &self,
        user_id: UserId,
        session_id: Option<&str>,
        abilities: &[&str],
        ttl: Duration,
    ) -> Result<String, CommonFault> {
        let now = Time::now().unix_seconds();
        let ttl = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        self.sign(&Claims {
            sub: user_id.to_string(),
            iss: self.issuer.clone(),
            exp: now.saturating_add(ttl),
            iat: now,
            jti: base::id::ulid(),
            sid: session_id.map(ToOwned::to_owned),
            abl: Some(abilities.iter().map(|&ability| ability.to_owned()).collect()),
        })
    }

    /// Checks signature, algorithm, issuer and time.
    pub(super) fn read(&self, token: &str) -> Result<ReadToken, CommonFault> {
        let read = jsonwebtoken::decode::<Claims>(token, &self.checking, &self.validation);
        let claims = match read {
            Ok(data) => data.claims,
            Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => {
                return Err(CommonFault::TokenExpired);
            }
            Err(_error) => return Err(CommonFault::Unauthenticated),
        };
        // The library lets the last second pass.
        if claims.exp <= Time::now().unix_seconds() {
            return Err(CommonFault::TokenExpired);
        }
        let user_id =
            claims.sub.parse().ok().filter(|&id: &UserId| id > 0).ok_or(CommonFault::Unauthenticated)?;
        let expires_at = claims
            .exp
            .checked_mul(1_000)
            .and_then(Time::from_unix_millis)
            .ok_or(CommonFault::Unauthenticated)?;
        Ok(ReadToken {
            actor: Actor {
                user_id,
                session_id: claims.sid,
                token_id: claims.jti,
                abilities: claims.abl.unwrap_or_else(|| vec!["*".to_owned()]),
                signed_at: Some(claims.iat),
            },
            expires_at,
        })
    }
}

fn read_pem(path: &Path) -> Result<Vec<u8>, CommonFault> {
    std::fs::read(path).map_err(|error| {
        CommonFault::internal(format!("cannot read the JWT key {}: {error}", path.display()))
    })
}

/// Signs an access token that belongs to no session, with all abilities: for `majlis token`.
///
/// # Errors
/// [`CommonFault::NotFound`] for who does not exist, [`CommonFault::Internal`] where this process has no key to
/// sign with.
pub async fn mint_access_token(app: &App, user_id: UserId, ttl: Duration) -> Result<String, CommonFault> {
    super::find_state(app, user_id).await?.ok_or(CommonFault::NotFound("user"))?;
    app.keys.mint(user_id, None, &["*"], ttl)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base::Secret;
    use base::{CommonFault, Time};
    use config::{Auth, JwtAlgorithm, JwtKeys};
    use jsonwebtoken::{Algorithm, EncodingKey, Header};

    use super::{Claims, TokenKeys};

    const SECRET: &str = "a test secret of more than 32 bytes!";
    const ED_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    const ED_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";

    fn auth(jwt: JwtKeys) -> Auth {
        Auth {
            jwt,
            issuer: "majlis".to_owned(),
            access_ttl: Duration::from_secs(900),
            refresh_ttl: Duration::from_secs(3_600),
            bcrypt_rounds: 4,
            sanctum_expiration: None,
            app_keys: Vec::new(),
            frontend_url: String::new(),
        }
    }

    fn shared() -> TokenKeys {
        TokenKeys::load(&auth(JwtKeys::Secret(Secret::new(SECRET)))).unwrap()
    }

    fn claims(change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> serde_json::Value {
        let now = Time::now().unix_seconds();
        let mut claims =
            serde_json::json!({"sub": "7", "iss": "majlis", "exp": now + 60, "iat": now, "jti": "j"});
        change(claims.as_object_mut().unwrap());
        claims
    }

    fn signed(claims: &serde_json::Value) -> String {
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
    }

    #[test]
    fn what_is_signed_is_read_back() {
        let token = shared().mint(7, Some("S"), &["read"], Duration::from_secs(60)).unwrap();
        let read = shared().read(&token).unwrap();
        assert_eq!((read.actor.user_id(), read.actor.session_id()), (7, Some("S")));
        assert!(read.actor.can("read") && !read.actor.can("write"));
        let left = read.expires_at.unix_seconds() - base::Time::now().unix_seconds();
        assert!((58..=60).contains(&left) && read.actor.token_id().len() == 26);
    }

    #[test]
    fn expired_and_invalid_are_told_apart() {
        let now = Time::now().unix_seconds();
        let expired = signed(&claims(|claims| {
            claims.insert("exp".into(), now.into());
        }));
        assert!(matches!(shared().read(&expired), Err(CommonFault::TokenExpired)));
        let long_ago = signed(&claims(|claims| {
            claims.insert("exp".into(), (now - 1_000).into());
        }));
        assert!(matches!(shared().read(&long_ago), Err(CommonFault::TokenExpired)));
        for bad in [
            signed(&claims(|claims| drop(claims.remove("exp")))),
            signed(&claims(|claims| drop(claims.remove("iss")))),
            signed(&claims(|claims| drop(claims.insert("iss".into(), "other".into())))),
            signed(&claims(|claims| drop(claims.insert("sub".into(), "0".into())))),
            signed(&claims(|claims| drop(claims.insert("sub".into(), "x".into())))),
            signed(&claims(|claims| drop(claims.insert("nbf".into(), (now + 600).into())))),
            format!("{}x", signed(&claims(|_| {}))),
            "a.b.c".to_owned(),
            String::new(),
        ] {
            assert!(matches!(shared().read(&bad), Err(CommonFault::Unauthenticated)), "{bad}");
        }
        assert!(shared().read(&signed(&claims(|_| {}))).is_ok());
    }

    #[test]
    fn only_the_pinned_algorithm_is_taken() {
        use base64::Engine as _;
        let encode = |value: serde_json::Value| {
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
        };
        let body = encode(claims(|_| {}));
        for algorithm in ["none", "NONE", "HS512"] {
            let head = encode(serde_json::json!({"alg": algorithm, "typ": "JWT"}));
            let unsigned = format!("{head}.{body}.");
            assert!(matches!(shared().read(&unsigned), Err(CommonFault::Unauthenticated)), "{algorithm}");
        }
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let other = jsonwebtoken::encode(&Header::new(Algorithm::HS384), &claims(|_| {}), &key).unwrap();
        assert!(matches!(shared().read(&other), Err(CommonFault::Unauthenticated)));
    }

    #[test]
    fn key_files_sign_and_check_and_a_public_key_is_no_secret() {
        let dir = std::env::temp_dir().join(format!("majlis-keys-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (private, public) = (dir.join("private.pem"), dir.join("public.pem"));
        std::fs::write(&private, ED_PRIVATE).unwrap();
        std::fs::write(&public, ED_PUBLIC).unwrap();
        let files =
            |private| JwtKeys::Files { algorithm: JwtAlgorithm::EdDsa, private, public: public.clone() };
        let keys = TokenKeys::load(&auth(files(Some(private)))).unwrap();
        let token = keys.mint(7, None, &["*"], Duration::from_secs(60)).unwrap();
        assert_eq!(keys.read(&token).unwrap().actor.user_id(), 7);
        // A token signed with the public key's text as if it were a shared secret.
        let forged = jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &claims(|_| {}),
            &EncodingKey::from_secret(ED_PUBLIC.as_bytes()),
        )
        .unwrap();
        assert!(keys.read(&forged).is_err());
        // Without the private key a process checks, but does not sign.
        let reader = TokenKeys::load(&auth(files(None))).unwrap();
        assert!(reader.read(&token).is_ok());
        assert!(reader.mint(7, None, &["*"], Duration::from_secs(60)).is_err());
        assert!(
            TokenKeys::load(&auth(JwtKeys::Files {
                algorithm: JwtAlgorithm::Rs256,
                private: None,
                public: public.clone(),
            }))
            .is_err()
        );
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn claims_without_abilities_have_all() {
        let claims: Claims = serde_json::from_value(claims(|_| {})).unwrap();
        assert!(claims.abl.is_none());
        let read = shared().read(&signed(&serde_json::to_value(&claims).unwrap())).unwrap();
        assert!(read.actor.can("wallet"));
    }
}
