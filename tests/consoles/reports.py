"""Boxes in every state a console must be able to show."""

from dataclasses import replace

from appliance.status import (
    AuditLine,
    AuditStatus,
    DeploymentState,
    DeploymentStatus,
    Health,
    Problem,
    StatusReport,
    Traffic,
    UpdateStatus,
)
from runtimes.hardware.profile import Accelerator, Cpu, Finding, HardwareProfile, Memory

NOW = "2026-11-21T14:02:30Z"
HISTORY = tuple(float(8 + (i * 7) % 9 + (i // 10)) for i in range(60))
QUIET = Traffic(0.0, 0, None, None, (0.0,) * 60)
GIB = 1 << 30

HARDWARE = HardwareProfile(
    machine="Advantech MIC-770 V3",
    system="Debian GNU/Linux 12, kernel 6.1.0-26-amd64",
    cpu=Cpu(
        "x86_64",
        "Intel Core i7-12700E",
        ("avx2", "avx_vnni"),
        logical=20,
        physical=12,
        performance=8,
        efficiency=4,
        numa_nodes=1,
        usable=20.0,
        frequency_mhz=2100.0,
        governor="performance",
        throttled=False,
    ),
    memory=Memory(32 * GIB, 32 * GIB, 22 * GIB),
    accelerators=(
        Accelerator(
            "0000:01:00.0",
            "nvidia",
            "gpu",
            "NVIDIA RTX A2000 12GB",
            driver="nvidia",
            driver_version="570.133.20",
            architecture="8.6",
            integrated=False,
            memory_total=12 * GIB,
            memory_used=3 * GIB,
            temperature_c=61.0,
            power_w=38.0,
            usable=True,
        ),
        Accelerator(
            "0000:00:02.0",
            "intel",
            "gpu",
            "Intel UHD Graphics 770",
            driver="i915",
            usable=False,
            findings=(
                Finding(
                    "intel.no-compute-runtime",
                    "The compute runtime of Intel is not installed.",
                    "Import the runtime pack intel-compute.",
                ),
            ),
        ),
    ),
)

DEPLOYMENTS = (
    DeploymentStatus(
        "line-inspection",
        "1.4.0",
        "tensor",
        DeploymentState.SERVING,
        "",
        "openvino CPU bf16 x8",
        4711,
        412 << 20,
        0,
        0.0067,
        Traffic(12.1, 0, 0.0069, 0.0112, HISTORY),
    ),
    DeploymentStatus(
        "maintenance-writer",
        "0.9.2",
        "text",
        DeploymentState.SERVING,
        "",
        "llamacpp CPU q8_0 x8",
        4712,
        96 << 20,
        1,
        0.84,
        Traffic(0.4, 0, 0.81, 1.32, tuple(float(i % 7 == 0) for i in range(60))),
    ),
    DeploymentStatus(
        "pcb-inspection",
        "2.0.1",
        "tensor",
        DeploymentState.SERVING,
        "",
        "onnxruntime CUDA f32",
        4713,
        780 << 20,
        0,
        0.0021,
        Traffic(31.5, 0, 0.0021, 0.0034, tuple(30 + 4 * ((i % 5) / 5) for i in range(60))),
    ),
)

AUDIT = AuditStatus(
    size=1284,
    root="8f14e45fceea167a5a36dedd4bea2543c4ca4238a0b923820dcc509a6f75849b",
    checkpoint_size=1280,
    checkpoint_time="2026-11-21T13:58:00Z",
    recent=(
        AuditLine(1283, "2026-11-21T13:59:41Z", "daemon", "worker.restart", "maintenance-writer 0.9.2", "ok"),
        AuditLine(1282, "2026-11-21T13:58:12Z", "lena", "update.import", "/media/usb0", "refused"),
        AuditLine(1281, "2026-11-21T13:58:02Z", "lena", "deployment.activate", "pcb-inspection 2.0.1", "ok"),
        AuditLine(1280, "2026-11-21T13:57:55Z", "lena", "update.import", "/media/usb0", "ok"),
        AuditLine(1279, "2026-11-20T06:00:00Z", "daemon", "checkpoint", "1279 entries", "ok"),
    ),
)

FULL = StatusReport(
    box="press-line-7",
    version="0.1.0",
    time=NOW,
    daemon_running=True,
    health=Health.OK,
    problems=(),
    hardware=HARDWARE,
    deployments=DEPLOYMENTS,
    last_update=UpdateStatus(
        "2026-11-21T13:57:55Z", "/media/usb0", ("pcb-inspection 2.0.1",), 7, 3 * 86400.0 + 60
    ),
    audit=AUDIT,
    disk_free=196 * GIB,
    disk_total=466 * GIB,
    endpoints=("unix:/run/appliance/inference.sock", "http://127.0.0.1:8080"),
)

EMPTY = replace(
    FULL,
    deployments=(),
    last_update=None,
    hardware=replace(HARDWARE, accelerators=()),
    audit=AuditStatus(1, "ab" * 32, None, None, (AuditLine(0, NOW, "admin", "init", "press-line-7", "ok"),)),
)

DEGRADED = replace(
    FULL,
    health=Health.DEGRADED,
    problems=(
        Problem(
            "worker.crash-loop",
            "maintenance-writer crashed 5 times in 10 minutes and was stopped.",
            "Undo the last update of this model, or deploy another version.",
        ),
        Problem(
            "disk.low",
            "Only 21 GiB of 466 GiB are free where the state lies.",
            "Remove models that are not deployed.",
        ),
    ),
    deployments=(
        DEPLOYMENTS[0],
        replace(
            DEPLOYMENTS[1],
            state=DeploymentState.FAILED,
            detail="killed by signal 6 while loading",
            worker_pid=None,
            memory=None,
            restarts=5,
            traffic=replace(QUIET, errors=17),
        ),
        replace(DEPLOYMENTS[2], state=DeploymentState.RESTARTING, detail="its worker died", traffic=QUIET),
    ),
    disk_free=21 * GIB,
)

STOPPED = replace(
    FULL,
    daemon_running=False,
    health=Health.DEGRADED,
    deployments=tuple(
        replace(d, state=DeploymentState.STOPPED, worker_pid=None, memory=None, traffic=QUIET)
        for d in DEPLOYMENTS
    ),
    endpoints=(),
)

UNKNOWN = replace(
    FULL,
    hardware=HardwareProfile(
        None,
        None,
        Cpu("aarch64", None, (), None, None, None, None, None, None),
        Memory(None, None, None),
        (Accelerator("0", "0x1db7", "npu", "NPU 1db7:dc20"),),
    ),
    disk_total=0,
    disk_free=0,
)

MANY = replace(
    FULL,
    deployments=tuple(
        replace(
            DEPLOYMENTS[i % 3],
            name=f"station-{i:02d}-inspection",
            state=DeploymentState.FAILED if i == 11 else DeploymentState.SERVING,
            detail="out of memory" if i == 11 else "",
        )
        for i in range(12)
    ),
)

HOSTILE_NAME = "evil\x1b[2J\x1b]0;owned\x07[bold red]x[/]\u202egnp\x9b31m<b>&amp;"
HOSTILE = replace(
    FULL,
    box=HOSTILE_NAME,
    health=Health.DEGRADED,
    problems=(Problem("model.odd\x1b[H", f"{HOSTILE_NAME}\nsecond line", "[@click=app.quit]press[/]"),),
    deployments=(
        replace(
            DEPLOYMENTS[0], name=HOSTILE_NAME, version="[/]\x1b[31m", engine="\x1bc", detail=HOSTILE_NAME
        ),
        replace(
            DEPLOYMENTS[1],
            name="a-very-long-deployment-name-that-nobody-would-type-by-hand-twice-on-purpose",
            version="2026.11.21-rc.1+build.20261121140230",
        ),
        replace(DEPLOYMENTS[2], name="検査ライン七号機の外観検査モデル"),
    ),
    last_update=UpdateStatus(NOW, f"/media/{HOSTILE_NAME}", (HOSTILE_NAME,), 7, None),
    audit=replace(
        AUDIT, recent=(AuditLine(1, "no time", HOSTILE_NAME, HOSTILE_NAME, HOSTILE_NAME, "\x1b[5m"),)
    ),
)
