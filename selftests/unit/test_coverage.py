#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Documentation/seed-coverage.md has a row for every item of the seed, and what
its rows name exists: files, functions with a body, other names, tests. So do the
tests that Documentation/security.rst names."""
import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
TABLE = 'Documentation/seed-coverage.md'
SECURITY = 'Documentation/security.rst'

# What the seed exports, from its index and the declarations of its types.
SEED = '''
RekeyRetransmitInterval MaxRekeyAttempts RekeyRelayFallbackAfter
KeyExchangeReplyStaleThreshold DecryptFailDropGrace DecryptFailDropThreshold
HKDFInfo MaxCryptoPeers OutsideWindowDropGrace OutsideWindowDropThreshold
ReplayDropGrace ReplayDropThreshold ReplayWindowSize SalvageMaxAge
SalvageMaxEntries
ErrNoKey ErrNotReady
Crypto Crypto.AEAD Crypto.Nonce Crypto.NoncePrefix Crypto.ReplayMu
Crypto.MaxRecvNonce Crypto.ReplayBitmap Crypto.Ready Crypto.Authenticated
Crypto.PeerX25519Key Crypto.DecryptFailCount Crypto.OutsideWindowCount
Crypto.ReplayCount Crypto.CreatedAt Crypto.SalvageMu Crypto.Salvage
Crypto.CheckAndRecordNonce Crypto.SetReplayBit Crypto.UndoReplayBit
EventPublisher FrameSender Manager PeerAddrLookup
PendingRekeyState PendingRekeyState.FirstSentAt PendingRekeyState.LastSentAt
PendingRekeyState.Attempts
PostInstallEvent PostInstallEvent.PeerNodeID PostInstallEvent.From
PostInstallEvent.FromRelay PostInstallEvent.Authenticated
PostInstallEvent.HadCrypto PostInstallEvent.KeyChanged
PostInstallEvent.OldCrypto PostInstallEvent.NewCrypto
PostInstallEvent.PeerEd25519
PostInstallHook PreRetransmitHook SalvageEntry SalvageEntry.Plaintext
Store Store.EncryptOK Store.EncryptFail VerifyFunc
New
Manager.BuildAuthFrame Manager.BuildUnauthFrame Manager.ClearPendingRekey
Manager.ClearRekeyGaveUp Manager.DeriveSecret Manager.GetPeerPubKey
Manager.HandleAuthFrame Manager.HandleUnauthFrame Manager.HasIdentity
Manager.HasPeerPubKey Manager.Identity Manager.InboundDecryptStale
Manager.InjectPendingRekeyForTest Manager.InvalidatePeerPubKey
Manager.LastInboundDecryptHas Manager.Loop Manager.MarkPendingRekey
Manager.PeerInRekeyGaveUp Manager.PendingRekeyAttempts
Manager.PendingRekeyForTest Manager.PendingRekeyHas Manager.PrivKey
Manager.PubKey Manager.RecordInboundDecrypt Manager.RekeyRetransmitTick
Manager.RemovePeer Manager.ResetPendingRekeyAttempts
Manager.SendKeyExchangeToNode Manager.SetAddrLookup Manager.SetIdentity
Manager.SetLastInboundDecryptForTest Manager.SetLocalNodeIDFn
Manager.SetPeerPubKey Manager.SetPeerVerifyFunc Manager.SetPostInstallHook
Manager.SetPreRetransmitHook Manager.SetPublisher Manager.SetSender
Manager.SetX25519Keys Manager.Store
Store.CompareAndDrop Store.DrainSalvage Store.Drop Store.Get Store.Has
Store.Install Store.IsReady Store.Len Store.LocalNodeID Store.PeerIDs
Store.RecordSalvage Store.SetLocalNodeID Store.ShouldDropOnDecryptFail
Store.ShouldDropOnOutsideWindow Store.ShouldDropOnReplay
'''.split()

# Where tests live that "make check" runs.
TESTS = re.compile(r'selftests/(unit/test_\w+\.(c|py)|pilot/\w+\.(sh|py)|fuzz/fuzz_\w+\.c)$')

texts = {}


def text(path):
    """Content of a file of the repository, without comments if it is C; None if there is none."""
    if path not in texts:
        try:
            with open(os.path.join(TOP, path), encoding='utf-8') as f:
                s = f.read()
        except OSError:
            s = None
        if s is not None and path.endswith(('.c', '.h')):
            s = re.sub(r'/\*.*?\*/|//[^\n]*|("(?:[^"\\\n]|\\.)*")',
                       lambda m: m.group(1) or ' ', s, flags=re.S)
        texts[path] = s
    return texts[path]


def defines(source, function):
    """Whether a C function has its body here."""
    for m in re.finditer(r'^(?:[A-Za-z_][\w \t*]*)?\b%s\(' % re.escape(function), source, re.M):
        depth, at = 1, m.end()
        while depth and at < len(source):
            depth += {'(': 1, ')': -1}.get(source[at], 0)
            at += 1
        if source[at:].lstrip().startswith('{'):
            return True
    return False


def has_test(path, source, name):
    """Whether a test of this name is in a test file."""
    if path.endswith('.sh'):
        return re.search(r'^\s*(try|try_refused) "%s"' % re.escape(name), source, re.M)
    # In Python a name may be the beginning, with a variable part behind it.
    return '"%s"' % name in source or path.endswith('.py') and "'%s" % name in source


def check_where(cell):
    """Problems of a cell that says where something lives."""
    parts = cell.split('<br>')
    for part in parts:
        m = re.fullmatch(r'`([^`]+)`: (.+)', part)
        if not m:
            yield 'not "`FILE`: `NAME`; ...": ' + part
            continue
        path, names = m.group(1), m.group(2)
        if not path.startswith(('kernel/', 'include/', 'userspace/')) or text(path) is None:
            yield 'there is no ' + path
            continue
        if not re.fullmatch(r'`[^`]+`(; `[^`]+`)*', names):
            yield 'not a list of names: ' + names
            continue
        for name in re.findall('`([^`]+)`', names):
            if name.endswith('()'):
                if not defines(text(path), name[:-2]):
                    yield '%s does not define %s' % (path, name)
            elif not re.search(r'\b%s\b' % re.escape(name), text(path)):
                yield '%s does not have %s' % (path, name)


def check_tests(cell):
    """Problems of a cell that names tests."""
    for part in cell.split('<br>'):
        m = re.fullmatch(r'`([^`]+)`: ("[^"]+"(?:; "[^"]+")*)', part)
        if not m:
            yield 'not "`FILE`: "TEST"; ...": ' + part
            continue
        path = m.group(1)
        if not TESTS.match(path) or text(path) is None:
            yield 'there is no test file ' + path
            continue
        for name in re.findall('"([^"]+)"', m.group(2)):
            if not has_test(path, text(path), name):
                yield '%s has no test "%s"' % (path, name)


def check_security():
    """Problems of the tests that security.rst names for each property."""
    for section in re.split(r'\n(?=S\d\. .*\n=+\n)', text(SECURITY) or '')[1:]:
        title = section.split('.')[0]
        m = re.search(r'^\*Tests\*: (.*?)\n\n', section, re.M | re.S)
        named = re.findall(r'``(\w+/[\w.]+)``: ("[^"]+"(?:; "[^"]+")*)',
                           ' '.join(m.group(1).split())) if m else []
        if not named or '*Cost*:' not in section:
            yield '%s: %s has no cost, or no tests' % (SECURITY, title)
        for path, names in named:
            path = 'selftests/' + path
            for name in re.findall('"([^"]+)"', names):
                if text(path) is None or not has_test(path, text(path), name):
                    yield '%s: %s: %s has no test "%s"' % (SECURITY, title, path, name)


def main():
    rows, problems, failed = {}, [], 0
    for number, line in enumerate((text(TABLE) or '').split('\n'), 1):
        if not line.startswith('|') or line.startswith(('| seed item |', '| --- |')):
            continue
        cells = [c.strip() for c in line.strip().strip('|').split('|')]
        where = '%s:%d: ' % (TABLE, number)
        if len(cells) != 4 or not all(cells):
            problems.append(where + 'not four cells with something in each')
            continue
        item = cells[0].strip('`')
        if item in rows:
            problems.append(where + item + ' has a row already')
        elif item not in SEED:
            problems.append(where + 'the seed has no ' + item)
        rows[item] = [where + p for p in (*check_where(cells[1]), *check_tests(cells[3]))]

    print('TAP version 13')
    results = [('the table has a row for each item of the seed, and no others', problems)]
    results += [('coverage: ' + item, rows.get(item, ['%s has no row for it' % TABLE]))
                for item in SEED]
    results.append(('security: each property has its cost and its tests',
                    list(check_security()) if text(SECURITY) else ['no ' + SECURITY]))
    for number, (name, wrong) in enumerate(results, 1):
        for p in wrong:
            print('# ' + p)
        print('%sok %d %s' % ('not ' if wrong else '', number, name))
        failed += bool(wrong)
    print('1..%d' % len(results))
    return failed != 0


sys.exit(main())
