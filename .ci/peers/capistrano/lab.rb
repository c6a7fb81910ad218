$stdout.sync = true # its threads share the buffer
set :format, :simpletext
set :format_options, log_file: "/dev/null"
set :ssh_options, user: ENV["LOGIN_USER"], keys: [ENV["LOGIN"]], keys_only: true, config: [ENV["SSH_CONFIG"]], port: ENV["PORT"].to_i,
                  forward_agent: ENV.key?("SSH_AUTH_SOCK"), auth_methods: %w[publickey]
role :app, ENV["NAMES"].split
