recipe {}
