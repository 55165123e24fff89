"""The tables of the records (see `records`): their layout, and how a row gets in."""

from typing import Final

VERSION: Final = 1  # raised when the layout changes
TABLES: Final = """
CREATE TABLE files(path TEXT PRIMARY KEY, mtime INT, ctime INT, size INT, inode INT, sha TEXT) WITHOUT ROWID;
CREATE TABLE trees(path TEXT PRIMARY KEY, signature TEXT, sha TEXT) WITHOUT ROWID;
CREATE TABLE members(tree TEXT, path TEXT, mtime INT, ctime INT, size INT, inode INT, sha TEXT, PRIMARY KEY(tree, path)) WITHOUT ROWID;
CREATE TABLE code(path TEXT PRIMARY KEY, mtime INT, ctime INT, size INT, inode INT, sha TEXT, imports TEXT) WITHOUT ROWID;
CREATE TABLE probes(name TEXT PRIMARY KEY, signature TEXT, version TEXT) WITHOUT ROWID;
CREATE TABLE records(key TEXT PRIMARY KEY, base TEXT, extra TEXT, outs TEXT, target TEXT, stage TEXT, op TEXT, made REAL, manifest TEXT);
CREATE INDEX by_base ON records(base);
CREATE INDEX by_stage ON records(stage, made);
CREATE INDEX by_op ON records(op, made);
CREATE TABLE placed(target TEXT PRIMARY KEY, key TEXT, at REAL) WITHOUT ROWID;
CREATE TABLE markers(target TEXT PRIMARY KEY, key TEXT, stage TEXT, pid INT, host TEXT, since REAL) WITHOUT ROWID;
CREATE TABLE history(id INTEGER PRIMARY KEY, target TEXT, stage TEXT, op TEXT, key TEXT, how TEXT, at REAL,
                     seconds REAL, own REAL, cpu REAL, peak INT, tools TEXT);
CREATE INDEX history_by_target ON history(target, how, at);
CREATE INDEX history_by_stage ON history(stage, how, at);
CREATE INDEX history_by_op ON history(op, how, at);
"""
INSERT: Final = {
    "files": "INSERT OR REPLACE INTO files VALUES(?,?,?,?,?,?)",
    "trees": "INSERT OR REPLACE INTO trees VALUES(?,?,?)",
    "members": "INSERT OR REPLACE INTO members VALUES(?,?,?,?,?,?,?)",
    "code": "INSERT OR REPLACE INTO code VALUES(?,?,?,?,?,?,?)",
    "probes": "INSERT OR REPLACE INTO probes VALUES(?,?,?)",
    "records": "INSERT OR REPLACE INTO records VALUES(?,?,?,?,?,?,?,?,?)",
    "placed": "INSERT OR REPLACE INTO placed VALUES(?,?,?)",
    "markers": "INSERT OR REPLACE INTO markers VALUES(?,?,?,?,?,?)",
    "history": "INSERT INTO history(target,stage,op,key,how,at,seconds,own,cpu,peak,tools) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
}
