package inventory

import (
	"slices"
	"strings"
)

// applied lists the directives that are put into a Host.
func applied() []string {
	return strings.Fields(`HostName User Port IdentityFile IdentitiesOnly IdentityAgent CertificateFile ProxyJump
		UserKnownHostsFile GlobalKnownHostsFile HostKeyAlias ServerAliveInterval ServerAliveCountMax
		KexAlgorithms HostKeyAlgorithms Ciphers MACs PubkeyAcceptedAlgorithms CASignatureAlgorithms RequiredRSASize
		PubkeyAuthentication KbdInteractiveAuthentication PasswordAuthentication PreferredAuthentications`)
}

// canonical is the name of a directive that has several, in lower case.
func canonical(key string) string {
	switch key {
	case "dsaauthentication":
		return "pubkeyauthentication"
	case "challengeresponseauthentication", "skeyauthentication", "tisauthentication":
		return "kbdinteractiveauthentication"
	case "pubkeyacceptedkeytypes":
		return "pubkeyacceptedalgorithms"
	}
	return key
}

// unsupported returns the values with which a directive does not change how a host is reached or which key is
// trusted, and whether it is one that does so with any other value.
func unsupported(key string) (harmless []string, ok bool) {
	switch key {
	case "proxycommand", "knownhostscommand", "revokedhostkeys", "pkcs11provider", "smartcarddevice":
		return []string{"none"}, true
	case "proxyusefdpass", "canonicalizehostname":
		return []string{"no", "false"}, true
	case "addressfamily":
		return []string{"any"}, true
	case "securitykeyprovider":
		return []string{"internal", "none"}, true
	case "bindaddress", "bindinterface":
		return nil, true
	}
	return nil, false
}

// ignored lists the directives that a run goes without, by the reason why that changes nothing about which host is
// reached, as whom, and which key is believed.
func ignored() []string {
	return slices.Concat(
		// Sharing and tuning of a connection: there is one connection to a host, made here, with limits of its own.
		strings.Fields(`controlmaster controlpath controlpersist connecttimeout connectionattempts tcpkeepalive compression compressionlevel ipqos rekeylimit useprivilegedport obscurekeystroketiming
			channeltimeout refuseconnection`),
		// What a session carries besides: no terminal, forwarding or environment goes along, and the agent is this
		// program's own.
		strings.Fields(`forwardagent forwardx11 forwardx11trusted forwardx11timeout xauthlocation localforward remoteforward
			dynamicforward permitremoteopen gatewayports exitonforwardfailure clearallforwardings streamlocalbindmask
			streamlocalbindunlink tunnel tunneldevice sendenv setenv requesttty sessiontype remotecommand localcommand
			permitlocalcommand stdinnull forkafterauthentication escapechar enableescapecommandline`),
		// What is shown and written down.
		strings.Fields(`loglevel logverbose syslogfacility visualhostkey fingerprinthash batchmode numberofpasswordprompts
			warnweakcrypto`),
		// Checks of the host's key: always done, and more strictly than any of these would have it.
		strings.Fields(`stricthostkeychecking checkhostip verifyhostkeydns nohostauthenticationforlocalhost updatehostkeys
			hashknownhosts`),
		// Methods and protocols that the ssh library doesn't have.
		strings.Fields(`kbdinteractivedevices hostbasedauthentication
			hostbasedacceptedalgorithms hostbasedkeytypes enablesshkeysign gssapiauthentication gssapidelegatecredentials
			gssapiclientidentity gssapikeyexchange gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns
			gssapikexalgorithms cipher protocol rsaauthentication rhostsrsaauthentication addkeystoagent usekeychain
			useroaming keepalive noneenabled noneswitch versionaddendum`),
		// Details of CanonicalizeHostname, and a name for Match tagged, neither of which is supported.
		strings.Fields(`canonicaldomains canonicalizefallbacklocal canonicalizemaxdots canonicalizepermittedcnames tag`),
	)
}

// known is every directive that there is a decision about.
func known(key string) bool {
	_, changes := unsupported(key)
	is := func(name string) bool { return strings.EqualFold(name, key) }
	return changes || slices.ContainsFunc(applied(), is) || slices.Contains(ignored(), key)
}
