// The kill test in short: each kind of process dies once alone, and some with another. All of it is in test/kill.
import { strikesAreGotOver } from '#test/kill/host/suite.ts'

strikesAreGotOver('a real cloud whose processes are killed', { kills: 20, ownBroker: false, short: true })
