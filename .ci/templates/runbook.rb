# The formula of runbook @VERSION@ for Homebrew, on macOS and Linux. Put it into the Formula folder of a tap.
# runbook also runs git and ssh. It names no dependency: Homebrew itself needs git, and macOS has ssh.
class Runbook < Formula
  desc "Releases web applications on servers by SSH, by recipes written in Lua"
  homepage "@URL@"
  version "@VERSION@"
  license "MIT"

  on_macos do
    on_arm do
      url "@URL@/runbook_@VERSION@_darwin_arm64.tar.gz"
      sha256 "@SHA256_darwin_arm64@"
    end
    on_intel do
      url "@URL@/runbook_@VERSION@_darwin_amd64.tar.gz"
      sha256 "@SHA256_darwin_amd64@"
    end
  end

  on_linux do
    on_arm do
      url "@URL@/runbook_@VERSION@_linux_arm64.tar.gz"
      sha256 "@SHA256_linux_arm64@"
    end
    on_intel do
      url "@URL@/runbook_@VERSION@_linux_amd64.tar.gz"
      sha256 "@SHA256_linux_amd64@"
    end
  end

  def install
    bin.install "runbook"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/runbook.bash" => "runbook"
    zsh_completion.install "completions/runbook.zsh" => "_runbook"
    fish_completion.install "completions/runbook.fish"
  end

  test do
    assert_match "runbook #{version}", shell_output("#{bin}/runbook --version")
  end
end
