package sshconfig

import (
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
)

// supported lists the supported directives, which set fields of a Host.
func supported() []string {
	return strings.Fields(`HostName User Port IdentityFile IdentitiesOnly IdentityAgent CertificateFile ProxyJump
		ProxyCommand AddressFamily CanonicalizeHostname CanonicalDomains CanonicalizeMaxDots CanonicalizeFallbackLocal
		CanonicalizePermittedCNAMEs Tag UserKnownHostsFile GlobalKnownHostsFile HostKeyAlias ServerAliveInterval
		ServerAliveCountMax KexAlgorithms HostKeyAlgorithms Ciphers MACs PubkeyAcceptedAlgorithms
		CASignatureAlgorithms RequiredRSASize
		PubkeyAuthentication KbdInteractiveAuthentication PasswordAuthentication PreferredAuthentications`)
}

// canonicalName returns the main name of a directive that has several, in lower case.
func canonicalName(key string) string {
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

// unsupported reports whether a directive is an error, because it changes how a host is reached or
// which key is trusted. harmless lists its values without such an effect.
func unsupported(key string) (harmless []string, ok bool) {
	switch key {
	case "knownhostscommand", "revokedhostkeys", "pkcs11provider", "smartcarddevice":
		return []string{"none"}, true
	case "proxyusefdpass":
		return []string{"no", "false"}, true
	case "securitykeyprovider":
		return []string{"internal", "none"}, true
	case "bindaddress", "bindinterface":
		return nil, true
	}
	return nil, false
}

// ignored lists the directives that have no effect here, by reason. None changes which host is
// reached, as which user, or which key is trusted.
func ignored() []string {
	return slices.Concat(
		// Sharing and tuning of a connection: runbook opens one connection per host, with its own
		// limits.
		strings.Fields(`controlmaster controlpath controlpersist connecttimeout connectionattempts tcpkeepalive
			compression compressionlevel ipqos rekeylimit useprivilegedport obscurekeystroketiming channeltimeout
			refuseconnection`),
		// Extras of a session: runbook passes no terminal, forwarding or environment, and has its
		// own agent.
		strings.Fields(`forwardagent forwardx11 forwardx11trusted forwardx11timeout xauthlocation localforward
			remoteforward dynamicforward permitremoteopen gatewayports exitonforwardfailure clearallforwardings
			streamlocalbindmask
			streamlocalbindunlink tunnel tunneldevice sendenv setenv requesttty sessiontype remotecommand localcommand
			permitlocalcommand stdinnull forkafterauthentication escapechar enableescapecommandline`),
		// Messages and logs.
		strings.Fields(`loglevel logverbose syslogfacility visualhostkey fingerprinthash batchmode
			numberofpasswordprompts warnweakcrypto`),
		// Checks of the host key: always done, and stricter than any value of these.
		strings.Fields(`stricthostkeychecking checkhostip verifyhostkeydns nohostauthenticationforlocalhost
			updatehostkeys hashknownhosts`),
		// Methods and protocols that the ssh library does not support.
		strings.Fields(`kbdinteractivedevices hostbasedauthentication hostbasedacceptedalgorithms hostbasedkeytypes
			enablesshkeysign gssapiauthentication gssapidelegatecredentials
			gssapiclientidentity gssapikeyexchange gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns
			gssapikexalgorithms cipher protocol rsaauthentication rhostsrsaauthentication addkeystoagent usekeychain
			useroaming keepalive noneenabled noneswitch versionaddendum`),
	)
}

// isKnown reports whether a directive is in one of the three lists.
func isKnown(key string) bool {
	_, refused := unsupported(key)
	same := func(name string) bool { return strings.EqualFold(name, key) }
	return refused || slices.ContainsFunc(supported(), same) || slices.Contains(ignored(), key)
}

// CheckUnsupported rejects a directive that would change how the host is reached. command reports
// whether a proxy command connects to it.
func (v Values) CheckUnsupported(command bool) error {
	var found []Directive
	for key, d := range v.first {
		harmless, ok := unsupported(key)
		if !ok || key == "proxyusefdpass" && !command {
			continue
		}
		if len(d.Args) == 1 && slices.Contains(harmless, strings.ToLower(d.Args[0])) {
			continue
		}
		found = append(found, d)
	}
	if len(found) == 0 {
		return nil
	}
	d := slices.MinFunc(found, Directive.Compare) // the same one each time
	return event.WithHint(fmt.Errorf("%s: %s is not supported", d.At(), d.Name), UseOtherConfig)
}
