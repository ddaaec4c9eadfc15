"""What every training shares: schedules, points of measurement, threads, devices, files in pace, who watches."""
