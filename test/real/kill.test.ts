// The kill test in short: each kind of process dies once, alone or with another. All of it is in test/kill.
import { strikesAreGotOver } from '#test/kill/host/suite.ts'

strikesAreGotOver('a real cloud whose processes are killed', { kills: 26, ownBroker: false })
