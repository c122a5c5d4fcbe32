// Shows a guest's screen: connects to where the address says, and tells in words how it stands.
import RFB from './novnc/core/rfb.js'

const status = document.getElementById('status')
const keys = document.getElementById('keys')
const asked = new URLSearchParams(location.search)

function say(text, state) {
  status.textContent = text
  status.dataset.state = state
  document.title = `${asked.get('title') ?? 'Console'}: ${text}`
}

/** `path` as compute's addresses carry it, or the token alone. */
function socketUrl() {
  const path = asked.get('path') ?? `websockify?token=${encodeURIComponent(asked.get('token') ?? '')}`
  const url = new URL(path.replace(/^\/+/, ''), new URL('.', location.href))
  url.hash = ''
  // A path that is only a query would keep this page's own name.
  if (path.startsWith('?')) url.pathname = new URL('.', location.href).pathname
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  return url
}

function connect() {
  const socket = new WebSocket(socketUrl())
  socket.binaryType = 'arraybuffer'
  let reason = ''
  socket.addEventListener('close', (event) => {
    reason = event.reason
  })
  const rfb = new RFB(document.getElementById('screen'), socket, { shared: true })
  rfb.scaleViewport = true
  rfb.addEventListener('connect', () => {
    say('Connected', 'open')
    keys.disabled = false
    rfb.focus()
  })
  rfb.addEventListener('disconnect', () => {
    keys.disabled = true
    say(reason || 'The connection has ended. Ask for a new console.', 'closed')
  })
  keys.addEventListener('click', () => {
    rfb.sendCtrlAltDel()
    rfb.focus()
  })
}

say('Connecting…', 'opening')
connect()
