// Run one of the servers that npm has, in the environment of `make servers`.
//
//     node serve.cjs NAME GIVEN.json
'use strict'
const fs = require('fs')
const path = require('path')
const [name, file] = process.argv.slice(2)
const given = JSON.parse(fs.readFileSync(file))
const load = module => require(path.join(given.modules, module))
process.umask(0o022)

const servers = {
  'ftp-srv' () {
    const FtpServer = load('ftp-srv')
    const pem = given.mode === 'plain' ? null : fs.readFileSync(given.certificate)
    const scheme = given.mode === 'implicit' ? 'ftps' : 'ftp'
    const server = new FtpServer({
      url: `${scheme}://127.0.0.1:${given.port}`,
      pasv_url: '127.0.0.1',
      tls: pem ? { key: pem, cert: pem } : false
    })
    server.on('login', ({ username, password }, accept, refuse) =>
      username === given.user && password === given.password
        ? accept({ root: given.folder }) : refuse(new Error('no')))
    server.listen()
  },

  ftpd () {
    const { FtpServer } = load('ftpd')
    const server = new FtpServer('127.0.0.1', {
      getInitialCwd: () => '/', getRoot: () => given.folder, useWriteFile: false, useReadFile: false
    })
    server.on('client:connected', connection => {
      connection.on('command:user', (user, accept, refuse) => user === given.user ? accept() : refuse())
      connection.on('command:pass', (password, accept, refuse) =>
        password === given.password ? accept(given.user) : refuse())
    })
    server.listen(given.port)
  },

  'simple-ftpd' () {
    load('simple-ftpd')({ host: '127.0.0.1', port: given.port, root: given.folder, readOnly: false }, session => {
      session.on('pass', (user, password, done) =>
        user === given.user && password === given.password ? done(null, given.user) : done(new Error('no')))
      session.on('stat', fs.stat)
      session.on('readdir', fs.readdir)
      session.on('read', (name, offset, done) => done(null, fs.createReadStream(name, { start: offset })))
      session.on('write', (name, offset, done) => done(null, fs.createWriteStream(name, { start: offset })))
      session.on('unlink', fs.unlink)
      session.on('rename', fs.rename)
    })
  },

  // ssh2 has the protocol; the folder behind it is ours.
  ssh2 () {
    const { Server, utils: { sftp: { STATUS_CODE, flagsToString } } } = load('ssh2')
    const at = name => path.join(given.folder, path.resolve('/', name))
    const facts = stat => ({
      mode: stat.mode, uid: stat.uid, gid: stat.gid, size: stat.size,
      atime: stat.atimeMs / 1000 | 0, mtime: stat.mtimeMs / 1000 | 0
    })
    const serve = sftp => {
      const open = new Map()
      let next = 0
      const hold = thing => {
        const handle = Buffer.alloc(4)
        handle.writeUInt32BE(next)
        open.set(next++, thing)
        return handle
      }
      const held = handle => open.get(handle.readUInt32BE(0))
      const answer = (id, done) => (error, result) => {
        if (!error) return done(result)
        const codes = { ENOENT: STATUS_CODE.NO_SUCH_FILE, EACCES: STATUS_CODE.PERMISSION_DENIED }
        sftp.status(id, codes[error.code] || STATUS_CODE.FAILURE, error.message)
      }
      const ok = id => answer(id, () => sftp.status(id, STATUS_CODE.OK))
      const stat = (id, name) => fs.stat(at(name), answer(id, stats => sftp.attrs(id, facts(stats))))
      sftp.on('REALPATH', (id, name) => sftp.name(id, [{ filename: path.resolve('/', name), longname: '', attrs: {} }]))
      sftp.on('STAT', stat)
      sftp.on('LSTAT', stat)
      sftp.on('FSTAT', (id, handle) => fs.fstat(held(handle), answer(id, stats => sftp.attrs(id, facts(stats)))))
      sftp.on('SETSTAT', (id, name, attrs) => fs.chmod(at(name), attrs.mode & 0o7777, ok(id)))
      sftp.on('OPEN', (id, name, flags) =>
        fs.open(at(name), flagsToString(flags), answer(id, fd => sftp.handle(id, hold(fd)))))
      sftp.on('READ', (id, handle, offset, length) => {
        const buffer = Buffer.alloc(length)
        fs.read(held(handle), buffer, 0, length, offset, answer(id, count =>
          count ? sftp.data(id, buffer.subarray(0, count)) : sftp.status(id, STATUS_CODE.EOF)))
      })
      sftp.on('WRITE', (id, handle, offset, data) => fs.write(held(handle), data, 0, data.length, offset, ok(id)))
      sftp.on('OPENDIR', (id, name) => fs.readdir(at(name), answer(id, names => sftp.handle(id, hold({ name, names })))))
      sftp.on('READDIR', (id, handle) => {
        const { name, names } = held(handle)
        if (!names.length) return sftp.status(id, STATUS_CODE.EOF)
        sftp.name(id, names.splice(0).map(filename =>
          ({ filename, longname: filename, attrs: facts(fs.statSync(path.join(at(name), filename))) })))
      })
      sftp.on('CLOSE', (id, handle) => typeof held(handle) === 'number'
        ? fs.close(held(handle), ok(id)) : sftp.status(id, STATUS_CODE.OK))
      sftp.on('REMOVE', (id, name) => fs.unlink(at(name), ok(id)))
      sftp.on('RENAME', (id, old, name) => fs.rename(at(old), at(name), ok(id)))
    }
    new Server({ hostKeys: [fs.readFileSync(given.host_key)] }, client => {
      client.on('error', () => {})
      client.on('authentication', login =>
        login.method === 'password' && login.username === given.user && login.password === given.password
          ? login.accept() : login.reject(['password']))
      client.on('ready', () => client.on('session', accept =>
        accept().on('sftp', acceptSftp => serve(acceptSftp()))))
    }).listen(given.port, '127.0.0.1')
  }
}
servers[name]()
