"""A backup while it serves, a database that breaks, and the way back, as an operator types it."""

import sqlite3
import stat

import httpx

from tests.end_to_end.processes import Deployment


async def test_backed_up_damaged_and_put_back(deployment: Deployment, http: httpx.AsyncClient) -> None:
    deployment.sandbox_url = "http://127.0.0.1:9"
    deployment.configure()
    await deployment.run("migrate")
    await deployment.run("merchants", "add", "1001", "Ama's Kitchen", "--account", "momo-ghana")
    serve = deployment.serve()
    await deployment.answers(serve)
    backup = deployment.folder / "b.db"
    made = await deployment.run("backup", str(backup))
    assert (made.code, made.err) == (0, ""), made.err
    assert "1 merchants" in made.out
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    again = await deployment.run("backup", str(backup))
    assert (again.code, "--replace" in again.err) == (1, True)
    busy = await deployment.run("restore", str(backup))
    assert busy.code == 1
    assert "another Kasapay process" in busy.err
    # What was done since is not in the backup.
    await deployment.run("merchants", "add", "1002", "Kofi Books", "--account", "momo-ghana")

    raw = sqlite3.connect(deployment.database)
    page = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'merchants'").fetchone()[0]
    size = raw.execute("PRAGMA page_size").fetchone()[0]
    raw.close()
    assert await serve.stop() == 0
    with deployment.database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    broken, told, none = (
        await deployment.run("serve"),
        await deployment.run("check"),
        await deployment.run("backup", str(deployment.folder / "c.db")),
    )
    assert {broken.code, told.code, none.code} == {1}
    for ended in (broken, told, none):
        assert "damaged" in ended.err
        assert "Traceback" not in ended.err
    assert "kasapay restore" in broken.err
    assert not (deployment.folder / "c.db").exists()

    back = await deployment.run("restore", str(backup))
    assert (back.code, back.err) == (0, ""), back.err
    assert "perhaps sent" in back.out
    serve = deployment.serve()
    await deployment.answers(serve)
    assert (await http.get(deployment.url + "/readyz")).status_code == 200
    listed = await deployment.run("merchants", "list")
    assert ("1001" in listed.out, "1002" in listed.out) == (True, False)
    incidents = await deployment.run("orders", "incidents")
    assert "restored" in incidents.out
    compared = await deployment.run("reconcile", "--account", "momo-ghana")
    assert compared.code == 3
    assert "may be missing" in compared.out
    assert await serve.stop() == 0
