//! `majlis up`: servers, tables, demo world, processes, self-check; then it stays and watches over them.

mod check;
mod ports;
mod processes;
mod servers;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context, Result};
use config::Settings;
use domain::App;
use protocol::rooms::{AccessType, RoomFilter, RoomStatus};
use tokio::signal::unix::{SignalKind, signal};

use self::ports::Ports;
use self::processes::Processes;
use self::servers::Servers;
use crate::cli::UpOptions;
use crate::data_dir::{DataDir, UpAccount, UpFile, UpRoom};
use crate::seed;
use crate::term::{Step, complain, say};
use crate::tools;

/// Everything that was started, to be stopped in the opposite order.
struct Stack {
    data: DataDir,
    servers: Option<Servers>,
    processes: Option<Processes>,
    app: Option<App>,
}

pub(crate) async fn run(options: UpOptions) -> Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut stack = Stack { data: DataDir::take(&options.data)?, servers: None, processes: None, app: None };
    let outcome = tokio::select! {
        outcome = stack.serve(&options) => outcome,
        _ = interrupt.recv() => Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => Ok(ExitCode::SUCCESS),
    };
    if stack.servers.is_some() {
        say("");
        let stopping = Step::begin("Stopping");
        stack.stop().await;
        stopping.done("everything has ended");
    }
    outcome
}

impl Stack {
    async fn serve(&mut self, options: &UpOptions) -> Result<ExitCode> {
        say("Majlis (مجلس)");
        let ports = Ports::choose(options.port, options.hubs)?;
        if options.fresh {
            self.data.empty()?;
        }
        let up = self.start(options, &ports).await?;
        let holds = if options.no_check {
            true
        } else {
            say("");
            check::run(&up).await
        };
        self.data.write_up_file(&up)?;
        if options.check {
            return Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        if !holds {
            complain("The self-check failed: see the lines marked ✗ and the logs.");
        }
        self.introduce(&up);
        self.watch_over(up).await
    }

    /// Servers, tables, demo world, processes.
    async fn start(&mut self, options: &UpOptions, ports: &Ports) -> Result<UpFile> {
        let servers = self.servers.insert(Servers::start(self.data.path()).await?);
        let secrets = self.data.secrets()?;
        let admin_token = base::id::random_text(32, base::id::ALPHANUMERIC);
        let mut variables = BTreeMap::from([
            ("DATABASE_URL", servers.database_url.clone()),
            ("REDIS_URL", servers.redis_url.clone()),
            ("MAJLIS_JWT_SECRET", secrets.jwt),
            // A machine of one's own: whoever tries a top-up can sign its event.
            ("MAJLIS_PAYMENT_WEBHOOK_SECRET", "sandbox".to_owned()),
            ("JITSI_DOMAIN", "meet.majlis.test".to_owned()),
            ("JITSI_APP_ID", "majlis".to_owned()),
            ("JITSI_APP_SECRET", secrets.jitsi),
            ("APP_URL", format!("http://{}", ports.api)),
            ("MAJLIS_ADMIN_TOKEN", admin_token.clone()),
            ("MAJLIS_HTTP_ORIGINS", "*".to_owned()),
            ("MAJLIS_SOCKET_ORIGINS", "*".to_owned()),
            // The parent has 15 s for everything.
            ("MAJLIS_DRAIN_SECONDS", "2".to_owned()),
        ]);
        if !config::is_set("MAJLIS_UPLOADS") {
            let folder = self.data.path().join("files");
            variables.insert("MAJLIS_UPLOADS", folder.display().to_string());
        }
        if !config::is_set("MAJLIS_MAIL_FOLDER") {
            let folder = self.data.path().join("mail");
            variables.insert("MAJLIS_MAIL_FOLDER", folder.display().to_string());
        }
        if options.no_limits {
            variables.insert("MAJLIS_LIMITS", "off".to_owned());
        }
        let settings = Settings::from_env_with(|name| variables.get(name).cloned())?;

        let step = Step::begin("Tables");
        let applied =
            tools::apply_migrations(settings.database.url.expose(), |file| step.progress(file)).await?;
        step.done(&applied);

        let app = self.app.insert(tools::app(settings).await?);
        let step = Step::begin("Demo world");
        let world = seed::run(app, |part| step.progress(part)).await?;
        step.done(&world.summary);

        let step = Step::begin("Processes");
        let processes = self.processes.insert(Processes::new(&self.data, variables, ports));
        processes.start_all().await?;
        step.done(&format!("1 API, {} hubs", options.hubs));

        let accounts = world
            .accounts
            .into_iter()
            .map(|account| UpAccount {
                id: account.id,
                email: account.email,
                password: seed::PASSWORD.to_owned(),
                role: account.role.to_owned(),
            })
            .collect();
        let mut up = UpFile {
            api: format!("http://{}", ports.api),
            hubs: ports.hubs.iter().map(|hub| format!("ws://{}/connection/websocket", hub.listen)).collect(),
            admin: std::iter::once(ports.api_admin)
                .chain(ports.hubs.iter().map(|hub| hub.admin))
                .map(|address| format!("http://{address}"))
                .collect(),
            admin_token,
            hub_pids: Vec::new(),
            api_pid: 0,
            database_pid: None,
            redis_pid: None,
            database_url: servers.database_url.clone(),
            redis_url: servers.redis_url.clone(),
            accounts,
            rooms: active_rooms(app).await?,
        };
        processes.fill_pids(&mut up);
        (up.database_pid, up.redis_pid) = servers.pids();
        Ok(up)
    }

    fn introduce(&self, up: &UpFile) {
        say("");
        say(&format!("  API          {}   docs: {}/docs   OpenAPI: {}/openapi.json", up.api, up.api, up.api));
        for (index, hub) in up.hubs.iter().enumerate() {
            say(&format!("  Hub {}        {hub}", index + 1));
        }
        say(&format!("  Admin ports  {}   (/metrics, /health/ready)", up.admin.join("  ")));
        say(&format!("  Scripts      {}", self.data.path().join("up.json").display()));
        say(&format!("  Logs         {}", self.data.path().join("log").display()));
        say("");
        say("  Sign in as (demo accounts on this machine only):");
        let mut shown = std::collections::BTreeSet::new();
        for role in ["learner", "speaker", "admin"] {
            if let Some(account) = up.accounts.iter().find(|account| account.role == role)
                && shown.insert(account.id)
            {
                say(&format!("    {:<10} {:<34} {}", role, account.email, account.password));
            }
        }
        say("");
        if let Some(room) = up.rooms.first() {
            let program = std::env::args().next().unwrap_or_else(|| "majlis".to_owned());
            say(&format!("  Watch a room:  {program} watch room:{}", room.id));
        }
        say("  Ctrl-C stops everything.  للإيقاف اضغط Ctrl-C");
    }

    /// Starts again what dies, until interrupted. The two watches run side by side, so that neither is cut off in the
    /// middle of a restart by the other.
    async fn watch_over(&mut self, up: UpFile) -> Result<ExitCode> {
        let Self { data, servers, processes, .. } = self;
        let (Some(servers), Some(processes)) = (servers, processes) else {
            anyhow::bail!("nothing was started");
        };
        let up = RefCell::new(up);
        let change = |how: &dyn Fn(&mut UpFile)| {
            let mut up = up.borrow_mut();
            how(&mut up);
            data.write_up_file(&up).context("up.json cannot be written")
        };
        let watch_servers = async {
            loop {
                servers.restart_dead().await?;
                let pids = servers.pids();
                change(&|up| (up.database_pid, up.redis_pid) = pids)?;
            }
        };
        let watch_processes = async {
            loop {
                processes.restart_dead().await?;
                change(&|up| processes.fill_pids(up))?;
            }
        };
        tokio::select! {
            ended = watch_servers => ended,
            ended = watch_processes => ended,
        }
    }

    async fn stop(&mut self) {
        if let Err(error) = self.data.remove_up_file() {
            complain(&format!("up.json could not be removed: {error:#}"));
        }
        if let Some(processes) = self.processes.take() {
            processes.stop().await;
        }
        if let Some(app) = self.app.take() {
            app.store.close().await;
        }
        if let Some(servers) = self.servers.take() {
            servers.stop().await;
        }
    }
}

/// The active rooms; a free one without slow mode or a limit of participants comes first.
async fn active_rooms(app: &App) -> Result<Vec<UpRoom>> {
    let filter = RoomFilter { status: Some(RoomStatus::Active), ..RoomFilter::default() };
    let page = domain::rooms::list_rooms(app, None, filter, base::paging::PageRequest::default())
        .await
        .context("the rooms cannot be listed")?;
    let mut rooms: Vec<(bool, UpRoom)> = Vec::new();
    for room in page.items {
        let slow = store::rooms::find_slow_mode(&mut app.store.reader().await?, room.id).await?;
        let free = room.access_type == AccessType::Free;
        let open = free && room.max_participants.is_none() && slow == 0;
        rooms.push((!open, UpRoom { id: room.id, host_id: room.host.id }));
    }
    rooms.sort_by_key(|(limited, room)| (*limited, room.id));
    Ok(rooms.into_iter().map(|(_, room)| room).collect())
}
